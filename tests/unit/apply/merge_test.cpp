#include "apply/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

FieldImages field(std::string column, std::string_view agreed, std::string_view ours, std::string_view theirs) {
  return {std::move(column), ours, theirs, agreed.empty() ? std::nullopt : std::optional(agreed), std::nullopt};
}
Merge merged(const std::vector<FieldImages>& fields, ConflictPolicy policy = ConflictPolicy::merge, bool blind = false,
             bool newer = false) {
  return merge(policy, fields, blind, newer);
}

TEST(Merge, TakesWhatOnlyTheyChanged) {
  const auto out = merged({field("a", "1", "1", "2"), field("b", "1", "1", "1.0")});
  EXPECT_THAT(out.take, ElementsAre("a"));
  EXPECT_THAT(out.conflicts, IsEmpty());
  EXPECT_FALSE(out.ours_stays);
}

TEST(Merge, KeepsWhatOnlyWeChangedAndSendsItBack) {
  const auto out = merged({field("a", "1", "2", "1"), field("b", "1", "1", "2")});
  EXPECT_THAT(out.take, ElementsAre("b"));
  EXPECT_THAT(out.conflicts, IsEmpty());
  EXPECT_TRUE(out.ours_stays);
}

TEST(Merge, TheSameChangeOnBothSidesIsNoConflict) {
  const auto out = merged({field("a", "1", "2", "2.0")});
  EXPECT_THAT(out.take, IsEmpty());
  EXPECT_THAT(out.conflicts, IsEmpty());
  EXPECT_FALSE(out.ours_stays);
}

TEST(Merge,
     ABlindImageThatSaysTheSameIsNotAnsweredByAWrite) {  // whose notice would be blind to the next one, and so on
  const auto out = merged({field("a", "2", "2", "2.0")}, ConflictPolicy::merge, true);
  EXPECT_THAT(out.conflicts, IsEmpty());
  EXPECT_FALSE(out.ours_stays);
}

TEST(Merge, AFieldWithAPolicyOfItsOwnIsDecidedByItself) {
  auto a = field("a", "1", "2", "3"), b = field("b", "1", "2", "3"), c = field("c", "1", "1", "2");
  a.policy = ConflictPolicy::theirs;
  EXPECT_THAT(merged({a, b, c}, ConflictPolicy::ours).take, ElementsAre("a"));
  EXPECT_THAT(merged({a, c}, ConflictPolicy::ours).take, ElementsAre("a", "c")) << "no conflict among the others";
  a.policy = ConflictPolicy::ours;
  EXPECT_THAT(merged({a, b, c}, ConflictPolicy::theirs).take, ElementsAre("b", "c"));
  EXPECT_TRUE(merged({a, b, c}, ConflictPolicy::theirs).ours_stays);
  a.policy = ConflictPolicy::newest;
  EXPECT_THAT(merged({a}, ConflictPolicy::merge, false, true).take, ElementsAre("a"));
  EXPECT_THAT(merged({a}, ConflictPolicy::merge, false, false).take, IsEmpty());
  a.policy = ConflictPolicy::manual;
  EXPECT_TRUE(merged({a, b, c}, ConflictPolicy::theirs).undecided);
  EXPECT_THAT(merged({a, b, c}, ConflictPolicy::theirs).take, IsEmpty());
  c.policy = ConflictPolicy::ours;
  EXPECT_THAT(merged({c}, ConflictPolicy::merge).take, ElementsAre("c")) << "only they changed it";
}

TEST(Merge, AConflictIsDecidedByThePolicy) {
  const std::vector fields{field("a", "1", "2", "3"), field("b", "1", "1", "2"), field("c", "1", "2", "1")};
  for (const auto policy :
       {ConflictPolicy::ours, ConflictPolicy::theirs, ConflictPolicy::merge, ConflictPolicy::manual})
    EXPECT_THAT(merged(fields, policy).conflicts, ElementsAre("a"));
  EXPECT_THAT(merged(fields, ConflictPolicy::merge).take, ElementsAre("b"));
  EXPECT_TRUE(merged(fields, ConflictPolicy::merge).ours_stays);
  EXPECT_THAT(merged(fields, ConflictPolicy::ours).take, IsEmpty());
  EXPECT_TRUE(merged(fields, ConflictPolicy::ours).ours_stays);
  EXPECT_THAT(merged(fields, ConflictPolicy::theirs).take, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(merged(fields, ConflictPolicy::theirs).ours_stays);
  EXPECT_THAT(merged(fields, ConflictPolicy::newest, false, true).take, ElementsAre("a", "b", "c"));
  EXPECT_THAT(merged(fields, ConflictPolicy::newest, false, false).take, IsEmpty());
  EXPECT_TRUE(merged(fields, ConflictPolicy::manual).undecided);
  EXPECT_THAT(merged(fields, ConflictPolicy::manual).take, IsEmpty());
}

TEST(Merge, WithoutAnAgreedImageWhateverDiffersIsAConflict) {
  EXPECT_THAT(merged({field("a", "", "1", "2"), field("b", "", "1", "1")}).conflicts, ElementsAre("a"));
}

TEST(Merge, AChangeThatHadNotSeenOurWriteIsNeverTakenForALaterOne) {
  const auto out = merged({field("a", "2", "2", "1")}, ConflictPolicy::merge, true);
  EXPECT_THAT(out.take, IsEmpty());
  EXPECT_THAT(out.conflicts, ElementsAre("a"));
  EXPECT_TRUE(out.ours_stays);
  EXPECT_TRUE(merged({field("a", "2", "2", "1")}, ConflictPolicy::theirs, true).ours_stays) << "they have ours now";
}

TEST(Age, IsToldByWhatWasSeenAndWhatWasWritten) {
  EXPECT_EQ(age_of("5", "5", "9"), Age::stale);
  EXPECT_EQ(age_of("6", "5", "9"), Age::blind);
  EXPECT_EQ(age_of("9", "5", "9"), Age::ours);
  EXPECT_EQ(age_of("10", "5", "9"), Age::newer) << "numbers by value";
  EXPECT_EQ(age_of("10", "9", ""), Age::newer);
  EXPECT_EQ(age_of("10", "", ""), Age::unknown);
  EXPECT_EQ(age_of("", "5", "9"), Age::unknown);
  EXPECT_EQ(age_of("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", ""), Age::newer);
}

}  // namespace
}  // namespace tandem
