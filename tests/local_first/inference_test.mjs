// ONNX Runtime keeps no device id and no event store, whatever the caller's environment says:
// its telemetry would upload them (cmake/onnxruntime_telemetry_off.cc).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('inference leaves nothing in the home folder', () => {
  const home = mkdtempSync(join(tmpdir(), 'rollcall-home-'));
  try {
    const model = join(process.env.ROLLCALL_DEPS_DIR, 'models', 'default', 'expression.onnx');
    execFileSync(process.env.EXPRESSION_PROBE, [model], {
      input: Buffer.alloc(4 * 3 * 112 * 112),
      env: { HOME: home, ORT_DISABLE_TELEMETRY: '0' },
    });
    assert.deepEqual(readdirSync(home), []);
  } finally {
    rmSync(home, { recursive: true });
  }
});
