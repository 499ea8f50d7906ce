#include <gtest/gtest.h>
#include <eigengrad/core/print.hpp>

#include <sstream>

// The expected texts are what NumPy 2.4 prints for the same numbers.
namespace eg = eigengrad;
using eg::Tensor;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

/// 0, 1, 2, ... in the given shape.
template <class T>
Tensor<T> reshaped(const eg::Shape& shape) {
  return kernel_access(Tensor<T>::arange(static_cast<T>(shape.size()))).alias(shape);
}
template <class T>
Tensor<T> scaled(T count, T step) {
  return Tensor<T>::arange(0, count * step, step);
}

}  // namespace

TEST(Print, WritesTheFewestDigitsThatTellTheNumbersApart) {
  EXPECT_EQ(eg::to_text(Tensor<double>{1.0, 2.0, 3.0}), "[1. 2. 3.]");
  EXPECT_EQ(eg::to_text(Tensor<double>{{0.1, 0.25}, {1.5, -2.0}}),
            "[[ 0.1   0.25]\n"
            " [ 1.5  -2.  ]]");
  EXPECT_EQ(eg::to_text(Tensor<double>{0.3333333333333333, 0.6666666666666666}), "[0.33333333 0.66666667]");
  EXPECT_EQ(eg::to_text(Tensor<float>{0.33333334, 0.1, 16.125}), "[ 0.33333334  0.1        16.125     ]");
  EXPECT_EQ(eg::to_text(Tensor<double>{1.00000001, 1.000000001}), "[1.00000001 1.        ]");
  EXPECT_EQ(eg::to_text(Tensor<float>{1.17, -0.5}), "[ 1.17 -0.5 ]");
  EXPECT_EQ(eg::to_text(Tensor<double>{0.0, -0.0}), "[ 0. -0.]");
  EXPECT_EQ(eg::to_text(Tensor<double>{99999999.0, 50000.0}), "[9.9999999e+07 5.0000000e+04]");
  EXPECT_EQ(eg::to_text(Tensor<double>{123456.789, 1000.0}), "[123456.789   1000.   ]");
  EXPECT_EQ(eg::to_text(Tensor<float>{999999.9, 1000.0}), "[999999.9   1000. ]");
}

TEST(Print, GoesScientificWhereNumPyDoes) {
  EXPECT_EQ(eg::to_text(Tensor<double>{100000000.0, 1.0}), "[1.e+08 1.e+00]");
  EXPECT_EQ(eg::to_text(Tensor<double>{1e-05}), "[1.e-05]");
  EXPECT_EQ(eg::to_text(Tensor<double>{0.0001, 0.05}), "[0.0001 0.05  ]");
  EXPECT_EQ(eg::to_text(Tensor<double>{1.0, 1001.0, 0.5}), "[1.000e+00 1.001e+03 5.000e-01]");
  EXPECT_EQ(eg::to_text(Tensor<double>{1.0, 0.0009}), "[1.e+00 9.e-04]");
  EXPECT_EQ(eg::to_text(Tensor<double>{1e-300, 1e+200, -1.5}), "[ 1.0e-300  1.0e+200 -1.5e+000]");
  EXPECT_EQ(eg::to_text(Tensor<float>{1000000.0}), "[1.e+06]");
  EXPECT_EQ(eg::to_text(Tensor<float>{8.762422, 4.684043e-07, -9.482834}),
            "[ 8.762422e+00  4.684043e-07 -9.482834e+00]");
  EXPECT_EQ(eg::to_text(Tensor<float>{1.0e-45, 3.4e+38}), "[1.4e-45 3.4e+38]");
  EXPECT_EQ(eg::to_text(Tensor<double>{0.0, 1e-09, -32500000000.0}), "[ 0.00e+00  1.00e-09 -3.25e+10]");
}

TEST(Print, AlignsNanAndInfinity) {
  EXPECT_EQ(eg::to_text(Tensor<double>{not_a_number, 1.0}), "[nan  1.]");
  EXPECT_EQ(eg::to_text(Tensor<double>{infinity, -infinity}), "[ inf -inf]");
  EXPECT_EQ(eg::to_text(Tensor<double>{not_a_number}), "[nan]");
  EXPECT_EQ(eg::to_text(Tensor<double>{-infinity, 1.5, not_a_number}), "[-inf  1.5  nan]");
  EXPECT_EQ(eg::to_text(Tensor<double>{{10000000000.0, not_a_number}, {-infinity, 2.0}}),
            "[[1.e+10    nan]\n"
            " [  -inf 2.e+00]]");
  EXPECT_EQ(eg::to_text(Tensor<float>{not_a_number, infinity, 0.0}), "[nan inf  0.]");
  EXPECT_EQ(eg::to_text(Tensor<double>{infinity, 12345.0, not_a_number}), "[   inf 12345.    nan]");
}

TEST(Print, AlignsIntegersAndBools) {
  EXPECT_EQ(eg::to_text(Tensor<std::int64_t>{1, -20, 300}), "[  1 -20 300]");
  EXPECT_EQ(eg::to_text(Tensor<std::int64_t>{{1000000000000, -1}, {0, 7}}),
            "[[1000000000000            -1]\n"
            " [            0             7]]");
  EXPECT_EQ(eg::to_text(Tensor<std::uint8_t>{0, 255, 9}), "[  0 255   9]");
  EXPECT_EQ(eg::to_text(Tensor<bool>{true, false}), "[ True False]");
  EXPECT_EQ(eg::to_text(Tensor<bool>{{true, true}, {false, true}}),
            "[[ True  True]\n"
            " [False  True]]");
}

TEST(Print, NestsBracketsWithBlankLinesBetweenBlocks) {
  EXPECT_EQ(eg::to_text(reshaped<double>({2, 2, 3})),
            "[[[ 0.  1.  2.]\n"
            "  [ 3.  4.  5.]]\n"
            "\n"
            " [[ 6.  7.  8.]\n"
            "  [ 9. 10. 11.]]]");
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({2, 2, 2, 2})),
            "[[[[ 0  1]\n"
            "   [ 2  3]]\n"
            "\n"
            "  [[ 4  5]\n"
            "   [ 6  7]]]\n"
            "\n"
            "\n"
            " [[[ 8  9]\n"
            "   [10 11]]\n"
            "\n"
            "  [[12 13]\n"
            "   [14 15]]]]");
  EXPECT_EQ(eg::to_text(reshaped<double>({3, 1})),
            "[[0.]\n"
            " [1.]\n"
            " [2.]]");
  EXPECT_EQ(eg::to_text(Tensor<double>::zeros({1, 1, 1})), "[[[0.]]]");
}

TEST(Print, BreaksLinesAtSeventyFiveColumns) {
  EXPECT_EQ(eg::to_text(reshaped<double>({30})),
            "[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.\n"
            " 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.]");
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({1, 40})),
            "[[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
            "  24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]]");
  EXPECT_EQ(eg::to_text(scaled<std::int64_t>(26, 100000)),
            "[      0  100000  200000  300000  400000  500000  600000  700000  800000\n"
            "  900000 1000000 1100000 1200000 1300000 1400000 1500000 1600000 1700000\n"
            " 1800000 1900000 2000000 2100000 2200000 2300000 2400000 2500000]");
  EXPECT_EQ(eg::to_text(scaled<std::int64_t>(13, 1111)),
            "[    0  1111  2222  3333  4444  5555  6666  7777  8888  9999 11110 12221\n"
            " 13332]");
}

TEST(Print, LeavesOutTheMiddleOfMoreThanAThousand) {
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({1001})), "[   0    1    2 ...  998  999 1000]");
  EXPECT_EQ(eg::to_text(reshaped<double>({40, 40})),
            "[[0.000e+00 1.000e+00 2.000e+00 ... 3.700e+01 3.800e+01 3.900e+01]\n"
            " [4.000e+01 4.100e+01 4.200e+01 ... 7.700e+01 7.800e+01 7.900e+01]\n"
            " [8.000e+01 8.100e+01 8.200e+01 ... 1.170e+02 1.180e+02 1.190e+02]\n"
            " ...\n"
            " [1.480e+03 1.481e+03 1.482e+03 ... 1.517e+03 1.518e+03 1.519e+03]\n"
            " [1.520e+03 1.521e+03 1.522e+03 ... 1.557e+03 1.558e+03 1.559e+03]\n"
            " [1.560e+03 1.561e+03 1.562e+03 ... 1.597e+03 1.598e+03 1.599e+03]]");
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({2, 600})),
            "[[   0    1    2 ...  597  598  599]\n"
            " [ 600  601  602 ... 1197 1198 1199]]");
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({20, 20, 20})),
            "[[[   0    1    2 ...   17   18   19]\n"
            "  [  20   21   22 ...   37   38   39]\n"
            "  [  40   41   42 ...   57   58   59]\n"
            "  ...\n"
            "  [ 340  341  342 ...  357  358  359]\n"
            "  [ 360  361  362 ...  377  378  379]\n"
            "  [ 380  381  382 ...  397  398  399]]\n"
            "\n"
            " [[ 400  401  402 ...  417  418  419]\n"
            "  [ 420  421  422 ...  437  438  439]\n"
            "  [ 440  441  442 ...  457  458  459]\n"
            "  ...\n"
            "  [ 740  741  742 ...  757  758  759]\n"
            "  [ 760  761  762 ...  777  778  779]\n"
            "  [ 780  781  782 ...  797  798  799]]\n"
            "\n"
            " [[ 800  801  802 ...  817  818  819]\n"
            "  [ 820  821  822 ...  837  838  839]\n"
            "  [ 840  841  842 ...  857  858  859]\n"
            "  ...\n"
            "  [1140 1141 1142 ... 1157 1158 1159]\n"
            "  [1160 1161 1162 ... 1177 1178 1179]\n"
            "  [1180 1181 1182 ... 1197 1198 1199]]\n"
            "\n"
            " ...\n"
            "\n"
            " [[6800 6801 6802 ... 6817 6818 6819]\n"
            "  [6820 6821 6822 ... 6837 6838 6839]\n"
            "  [6840 6841 6842 ... 6857 6858 6859]\n"
            "  ...\n"
            "  [7140 7141 7142 ... 7157 7158 7159]\n"
            "  [7160 7161 7162 ... 7177 7178 7179]\n"
            "  [7180 7181 7182 ... 7197 7198 7199]]\n"
            "\n"
            " [[7200 7201 7202 ... 7217 7218 7219]\n"
            "  [7220 7221 7222 ... 7237 7238 7239]\n"
            "  [7240 7241 7242 ... 7257 7258 7259]\n"
            "  ...\n"
            "  [7540 7541 7542 ... 7557 7558 7559]\n"
            "  [7560 7561 7562 ... 7577 7578 7579]\n"
            "  [7580 7581 7582 ... 7597 7598 7599]]\n"
            "\n"
            " [[7600 7601 7602 ... 7617 7618 7619]\n"
            "  [7620 7621 7622 ... 7637 7638 7639]\n"
            "  [7640 7641 7642 ... 7657 7658 7659]\n"
            "  ...\n"
            "  [7940 7941 7942 ... 7957 7958 7959]\n"
            "  [7960 7961 7962 ... 7977 7978 7979]\n"
            "  [7980 7981 7982 ... 7997 7998 7999]]]");
  EXPECT_EQ(eg::to_text(reshaped<std::int64_t>({400, 5})),
            "[[   0    1    2    3    4]\n"
            " [   5    6    7    8    9]\n"
            " [  10   11   12   13   14]\n"
            " ...\n"
            " [1985 1986 1987 1988 1989]\n"
            " [1990 1991 1992 1993 1994]\n"
            " [1995 1996 1997 1998 1999]]");
}

TEST(Print, WritesOneNumberWithAllItsDigits) {
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 0.1)), "0.1");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 1.0)), "1.0");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, -0.0)), "-0.0");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 0.3333333333333333)), "0.3333333333333333");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 1e+16)), "1e+16");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 1000000000000000.0)), "1000000000000000.0");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 1e-05)), "1e-05");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 0.0001)), "0.0001");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 5e-324)), "5e-324");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, not_a_number)), "nan");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, -infinity)), "-inf");
  EXPECT_EQ(eg::to_text(Tensor<double>::full({}, 1234567.0)), "1234567.0");
  EXPECT_EQ(eg::to_text(Tensor<float>::full({}, 0.33333334f)), "0.33333334");
  EXPECT_EQ(eg::to_text(Tensor<float>::full({}, 0.0001f)), "1e-04");
  EXPECT_EQ(eg::to_text(Tensor<float>::full({}, 123456.0f)), "123456.0");
  EXPECT_EQ(eg::to_text(Tensor<float>::full({}, 1000000.0f)), "1e+06");
  EXPECT_EQ(eg::to_text(Tensor<std::int64_t>::full({}, 7)), "7");
  EXPECT_EQ(eg::to_text(Tensor<bool>::full({}, true)), "True");
}

TEST(Print, WritesEmptyTensorsAsBrackets) {
  EXPECT_EQ(eg::to_text(Tensor<float>()), "[]");
  EXPECT_EQ(eg::to_text(Tensor<float>::zeros({0, 3})), "[]");
  EXPECT_EQ(eg::to_text(Tensor<float>::zeros({3, 0})), "[]");
}

TEST(Print, StreamsTensorsAndShapes) {
  std::ostringstream out;
  out << Tensor<float>{{1, 2}, {3, 4}} << ' ' << eg::Shape{2, 3};
  EXPECT_EQ(out.str(), "[[1. 2.]\n [3. 4.]] [2, 3]");
  std::wostringstream wide;
  wide << Tensor<int>{1, 2};
  EXPECT_EQ(wide.str(), L"[1 2]");
}
