#include <gtest/gtest.h>
#include "vision/testing/image_picture.h"
#include "vision/model_pack.h"
namespace rollcall::vision { TEST(Smoke, Loads){ auto p=ModelPack::Load(ROLLCALL_DEPS_DIR "/models/default"); ASSERT_TRUE(p.ok())<<p.error().ToString(); auto d=p->MakeDetector({}); ASSERT_TRUE(d.ok())<<d.error().ToString(); } }
