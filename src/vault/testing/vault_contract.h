#pragma once

// The contract of Vault as one suite. A vault's test includes this file and says, once:
//
//   INSTANTIATE_TEST_SUITE_P(Local, VaultContract, testing::Values(MakeHome(…)));

#include "vault/testing/contract_adopt.h"
#include "vault/testing/contract_fixture.h"
#include "vault/testing/contract_names.h"
#include "vault/testing/contract_verify.h"
