// A recurrent network that learns to write: it reads a text letter by letter and guesses each time which one comes
// next; then it writes, each letter drawn from its own guesses and read in turn. The text, Ecclesiastes and nine
// chapters of Genesis, lies in data/king_james.txt.
//   char_rnn [steps]      2000 steps unless told otherwise
// Tested with: 150
// Answer: bits per letter: [1-3]\.[0-9]+
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/embedding.hpp>
#include <eigengrad/nn/layers/recurrent.hpp>
#include <fstream>
#include <iterator>
#include <map>
namespace eg = eigengrad;
using Letters = eg::Tensor<std::int64_t>;

// Letter -> vector -> LSTM -> a score for each letter that may come next.
struct Writer : eg::Module<float> {
  Writer(eg::Index letters, eg::Index hidden) : table(letters, 32), lstm(32, hidden), head(hidden, letters) {}
  // [steps, batch] -> scores [steps * batch, letters]; goes on from `state` and leaves it behind the last step.
  eg::Tensor<float> operator()(const Letters& letters, eg::RecurrentState<float>& state) {
    const auto [output, last] = lstm(table(letters), state);
    state = last.detach();  // the next piece goes on from here; gradients stop here
    return head(reshape(output, {-1, output.shape().back()}));
  }
  void members(eg::Members<float>& m) override {
    m("table", table);
    m("lstm", lstm);
    m("head", head);
  }
  eg::Embedding<float> table;
  eg::LSTM<float> lstm;
  eg::Linear<float> head;
};

int main(int count, char** arguments) {
  const int steps = count > 1 ? std::atoi(arguments[1]) : 2000;
  eg::manual_seed(1);
  const std::string path = eg::data_directory() + "/king_james.txt";
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 1;
  std::map<char, std::int64_t> number;  // of each letter that occurs
  for (const char c : text) number[c];
  std::string letter;
  for (auto& [c, n] : number) n = static_cast<std::int64_t>(letter.size()), letter += c;

  // The text as `batch` long strips side by side; a step learns the next `length` letters of each.
  const eg::Index batch = 32, length = 64, strip = static_cast<eg::Index>(text.size()) / batch;
  const auto piece = [&](eg::Index first) {
    Letters result = Letters::zeros({length, batch});
    for (eg::Index t = 0; t < length; ++t)
      for (eg::Index b = 0; b < batch; ++b)
        result.at(t, b) = number[text[static_cast<std::size_t>(b * strip + first + t)]];
    return result;
  };

  Writer writer(static_cast<eg::Index>(letter.size()), 128);
  eg::Adam<float> optimizer(writer.parameters(), {.learning_rate = 0.003f});
  eg::RecurrentState<float> state;
  double sum = 0, bits = 0;
  for (int step = 0, since = 0; step < steps; ++step) {
    const eg::Index first = step * length % (strip - length - 1);
    if (first < length) state = {};  // the strips begin again
    eg::Tape tape;
    const auto loss = eg::softmax_cross_entropy(writer(piece(first), state), reshape(piece(first + 1), {-1}));
    tape.backward(loss);
    eg::clip_gradient_norm(writer.parameters(), 1);
    optimizer.step();
    optimizer.zero_grad();
    sum += loss.item();
    if (++since == 50) {
      bits = sum / since / std::log(2.0);
      if ((step + 1) % (steps >= 1000 ? 200 : 50) == 0) std::printf("step %4d: %.2f bits per letter\n", step + 1, bits);
      sum = since = 0;
    }
  }

  // Writing: one letter at a time through the same weights, without a tape and without a new tensor for each.
  writer.eval();
  auto stream = writer.lstm.stream();
  eg::Generator generator(7);
  char now = '\n';
  std::printf("\n");
  for (int i = 0; i < 500; ++i) {
    const auto scores = writer.head(stream(reshape(writer.table(Letters{number[now]}), {-1})));
    const auto chances = softmax(scores / 0.7f);  // below 1: bolder than it is sure
    double left = generator.uniform();
    std::size_t next = 0;
    while (next + 1 < letter.size() && (left -= chances(static_cast<eg::Index>(next))) > 0) ++next;
    std::putchar(now = letter[next]);
  }
  std::printf("\n\nbits per letter: %.2f (%.2f before it learned anything)\n", bits,
              std::log2(static_cast<double>(letter.size())));
}
