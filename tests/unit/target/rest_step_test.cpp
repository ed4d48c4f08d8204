#include "target/rest_step.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

CallPlan call(std::string_view path = "/x") {
  CallPlan plan;
  plan.path = *RequestTemplate::parse(path, TemplateUse::path);
  plan.needs_remote_id = plan.path.uses("remote_id");
  return plan;
}

/// create, update and delete by their id.
RoutePlan usual() {
  RoutePlan route;
  route.create = call();
  route.update = call("/x/{remote_id}");
  route.remove = call("/x/{remote_id}");
  return route;
}

Attempt attempt(Operation operation, std::string remote_id = {}, Doubt doubt = Doubt::none) {
  Attempt out;
  out.operation = operation;
  out.remote_id = std::move(remote_id);
  out.doubt = doubt;
  return out;
}

TEST(FirstStep, FollowsTheIdentityNotTheOperation) {
  EXPECT_EQ(first_step(usual(), attempt(Operation::create)), Step::create);
  EXPECT_EQ(first_step(usual(), attempt(Operation::update)), Step::create);
  EXPECT_EQ(first_step(usual(), attempt(Operation::create, "r")), Step::update);
  EXPECT_EQ(first_step(usual(), attempt(Operation::update, "r")), Step::update);
  EXPECT_EQ(first_step(usual(), attempt(Operation::snapshot, "r")), Step::update);
  EXPECT_EQ(first_step(usual(), attempt(Operation::rekey, "r")), Step::update);
  EXPECT_EQ(first_step(usual(), attempt(Operation::canary)), Step::create);
}

TEST(FirstStep, UpsertNeedsNoIdentityAndNoDoubt) {
  RoutePlan route = usual();
  route.upsert = call("/x/{object_id}");
  EXPECT_EQ(first_step(route, attempt(Operation::update)), Step::upsert);
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::upsert);
  EXPECT_EQ(first_step(route, attempt(Operation::update, "r")), Step::update);
  route.update.reset();
  EXPECT_EQ(first_step(route, attempt(Operation::update, "r")), Step::upsert);
  EXPECT_TRUE(repeatable(route, Step::upsert));
}

TEST(FirstStep, NeverCreatesBlindlyTwice) {
  RoutePlan route = usual();
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::unknowable);
  EXPECT_EQ(first_step(route, attempt(Operation::update, "", Doubt::missing_once)), Step::unknowable);
  EXPECT_FALSE(repeatable(route, Step::create));
  route.lookup = call();
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::lookup);
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::missing_once)), Step::lookup);
  EXPECT_EQ(first_step(route, attempt(Operation::create)), Step::create) << "nothing to look for";
  route.idempotency_key = true;
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::create);
  EXPECT_TRUE(repeatable(route, Step::create));
}

TEST(StepAfterLookup, CreatesOnlyWhatWasMissingTwice) {
  RoutePlan route = usual();
  route.lookup = call();
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::create, "", Doubt::may_exist)), Step::look_again);
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::create, "", Doubt::missing_once)), Step::create);
  EXPECT_EQ(step_after(Lookup::found, route, attempt(Operation::create, "", Doubt::may_exist)), Step::update);
  route.update.reset();
  EXPECT_EQ(step_after(Lookup::found, route, attempt(Operation::create, "", Doubt::may_exist)), Step::there);
  EXPECT_EQ(step_after(Lookup::found, route, attempt(Operation::update)), Step::impossible);
}

TEST(FirstStep, AnUpdateWithoutIdentityLooksForTheObject) {
  RoutePlan route = usual();
  route.lookup = call();
  EXPECT_EQ(first_step(route, attempt(Operation::update)), Step::lookup);
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::update)), Step::create);
  EXPECT_EQ(step_after(Lookup::found, route, attempt(Operation::update)), Step::update);
}

TEST(FirstStep, AnUpdateThatGoesOutAsACreateLooksForTheObjectFirst) {
  RoutePlan route = usual();
  Attempt unpaired = attempt(Operation::create);
  unpaired.recorded = Operation::update;
  EXPECT_EQ(first_step(route, unpaired), Step::create);
  route.lookup = call();
  EXPECT_EQ(first_step(route, unpaired), Step::lookup);
  EXPECT_EQ(step_after(Lookup::missing, route, unpaired), Step::create);
  unpaired.recorded = Operation::create;
  EXPECT_EQ(first_step(route, unpaired), Step::create);
}

TEST(FirstStep, UpdatesByOurIdNeedNoIdentity) {
  RoutePlan route = usual();
  route.update = call("/x/{object_id}");
  route.remove = call("/x/{object_id}");
  EXPECT_EQ(first_step(route, attempt(Operation::update)), Step::update);
  EXPECT_EQ(first_step(route, attempt(Operation::create)), Step::create);
  EXPECT_EQ(first_step(route, attempt(Operation::remove)), Step::remove);
}

TEST(FirstStep, DeletesWhatIsKnownThere) {
  RoutePlan route = usual();
  EXPECT_EQ(first_step(route, attempt(Operation::remove, "r")), Step::remove);
  EXPECT_EQ(first_step(route, attempt(Operation::remove)), Step::nothing_there);
  EXPECT_EQ(first_step(route, attempt(Operation::remove, "", Doubt::may_exist)), Step::unknowable) << "an orphan there";
  route.lookup = call();
  EXPECT_EQ(first_step(route, attempt(Operation::remove, "", Doubt::may_exist)), Step::lookup);
  EXPECT_EQ(step_after(Lookup::found, route, attempt(Operation::remove, "", Doubt::may_exist)), Step::remove);
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::remove, "", Doubt::may_exist)), Step::look_again);
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::remove, "", Doubt::missing_once)),
            Step::nothing_there);
  EXPECT_EQ(step_after(Lookup::missing, route, attempt(Operation::remove)), Step::nothing_there);
}

TEST(FirstStep, WhatIsNotConfiguredIsImpossible) {
  const RoutePlan none;
  for (const Operation operation : {Operation::create, Operation::update, Operation::remove, Operation::call})
    EXPECT_EQ(first_step(none, attempt(operation)), Step::impossible);
  RoutePlan route;
  route.call = call();
  EXPECT_EQ(first_step(route, attempt(Operation::call)), Step::call);
  EXPECT_FALSE(repeatable(route, Step::call));
}

TEST(ByBatch, AnUpsertingBatchTakesWhatHasNoIdentityAlsoAlone) {
  RoutePlan route = usual();
  route.batch = BatchPlan{};
  route.batch->creates = true;
  EXPECT_FALSE(by_batch(route, Step::create, attempt(Operation::create)));
  EXPECT_FALSE(repeatable(route, Step::create));
  route.batch->updates = true;
  EXPECT_TRUE(by_batch(route, Step::create, attempt(Operation::create)))
      << "the plain create would double what the batch has made";
  EXPECT_TRUE(repeatable(route, Step::create));
  EXPECT_FALSE(by_batch(route, Step::update, attempt(Operation::update, "r")));
  EXPECT_FALSE(by_batch(route, Step::remove, attempt(Operation::remove, "r")));
  route.create.reset();
  route.update.reset();
  EXPECT_TRUE(by_batch(route, Step::update, attempt(Operation::update, "r")));
}

TEST(FirstStep, ABatchThatTakesBothIsAnUpsert) {
  RoutePlan route;
  route.batch = BatchPlan{};
  route.batch->creates = route.batch->updates = true;
  EXPECT_EQ(first_step(route, attempt(Operation::update)), Step::update);
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::create);
  EXPECT_TRUE(repeatable(route, Step::create));
  route.batch->each = *RequestTemplate::parse("[{remote_id}]", TemplateUse::json);
  EXPECT_EQ(first_step(route, attempt(Operation::update)), Step::create);
  EXPECT_EQ(first_step(route, attempt(Operation::create, "", Doubt::may_exist)), Step::unknowable);
  EXPECT_FALSE(repeatable(route, Step::create));
}

}  // namespace
}  // namespace tandem
