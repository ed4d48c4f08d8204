#include "delivery/coalesce.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tandem {
namespace {

constexpr auto create = Operation::create, update = Operation::update, remove = Operation::remove;

Foldable fresh(Operation operation) {
  return {operation, true, true};
}
Foldable attempted(Operation operation) {
  return {operation, false, true};
}
Foldable latest(Operation operation) {
  return {operation, true, false};
}

void expect_fold(const std::vector<Foldable>& lane, std::size_t records, Operation operation) {
  const Fold folded = fold(lane);
  EXPECT_EQ(folded.records, records);
  EXPECT_EQ(folded.operation, operation);
}

TEST(Coalesce, TheLastWordWins) {
  expect_fold({fresh(update), fresh(update), fresh(update)}, 3, update);
  expect_fold({fresh(create), fresh(update), fresh(update)}, 3, create);
  expect_fold({fresh(update), fresh(remove)}, 2, remove);
}

TEST(Coalesce, ACreateThatWasNeverAttemptedGoesWithItsDelete) {
  expect_fold({fresh(create), fresh(update), fresh(remove)}, 3, remove);
}

TEST(Coalesce, ADeleteAndTheCreateAfterItAreBothSent) {
  expect_fold({fresh(update), fresh(remove), fresh(create), fresh(update)}, 2, remove);
  expect_fold({fresh(remove), fresh(create), fresh(update)}, 1, remove);
}

TEST(Coalesce, ACreateThatMayHaveBeenSentIsNeverFolded) {  // hazard 20
  expect_fold({attempted(create), fresh(update), fresh(remove)}, 1, create);
  expect_fold({fresh(update), attempted(update), fresh(update)}, 1, update);
}

TEST(Coalesce, CallsKeyChangesAndCanariesStandAlone) {
  for (const Operation operation : {Operation::call, Operation::rekey, Operation::canary}) {
    expect_fold({fresh(operation), fresh(update)}, 1, operation);
    expect_fold({fresh(update), fresh(operation)}, 1, update);
  }
}

TEST(Coalesce, WhatReadsTheLiveRowGivesWayToALaterImageOnly) {
  expect_fold({latest(update), fresh(update)}, 2, update);
  expect_fold({fresh(update), latest(update)}, 1, update);
  expect_fold({latest(update), latest(update)}, 2, update);
  expect_fold({latest(Operation::snapshot), fresh(update)}, 2, update);
}

}  // namespace
}  // namespace tandem
