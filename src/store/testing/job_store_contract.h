#pragma once

// The contract of JobStore as one suite. A store's test includes this file and says, once:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, JobStoreContract, testing::Values(MakeHome(…)));
//
// and the same for PoisonContract and EditContract.

#include "store/testing/contract_attempts.h"
#include "store/testing/contract_cancel.h"
#include "store/testing/contract_edits.h"
#include "store/testing/contract_episodes.h"
#include "store/testing/contract_events.h"
#include "store/testing/contract_fence.h"
#include "store/testing/contract_fixture.h"
#include "store/testing/contract_keys.h"
#include "store/testing/contract_leases.h"
#include "store/testing/contract_poison.h"
#include "store/testing/contract_queries.h"
#include "store/testing/contract_replan.h"
#include "store/testing/contract_segments.h"
#include "store/testing/contract_subjects.h"
#include "store/testing/contract_submit.h"
#include "store/testing/contract_threads.h"
