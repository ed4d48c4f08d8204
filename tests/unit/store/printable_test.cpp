#include "store/printable.hpp"

#include <gtest/gtest.h>

namespace tandem::store {
namespace {

const std::string instead = "\xEF\xBF\xBD";

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable("stage: Перевод 过渡 🙂"), "stage: Перевод 过渡 🙂");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ReplacesWhatNoTextColumnTakes) {
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a" + instead + "b");
  EXPECT_EQ(printable("\xFF\xC0\x80"), instead + instead + instead);
  EXPECT_EQ(printable("\xED\xA0\x80"), instead + instead + instead) << "a surrogate";
  EXPECT_EQ(printable("\xF4\x90\x80\x80").substr(0, 3), instead) << "above U+10FFFF";
  EXPECT_EQ(printable("cut \xE2\x82"), "cut " + instead + instead);
}

TEST(Printable, CutsBetweenCharacters) {
  const auto long_text = printable(std::string(1'999, 'x') + "ж");
  EXPECT_EQ(long_text.size(), 1'999u);
}

}  // namespace
}  // namespace tandem::store
