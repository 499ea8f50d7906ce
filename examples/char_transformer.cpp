// A small Transformer learns to write letter by letter, as char_rnn does, but by looking back: each letter asks all
// that came before it, and takes from those that answer. Whom the letters of a line asked is drawn to
// char_transformer.svg.
//   char_transformer [steps]      1500 steps unless told otherwise
// Tested with: 100
// Answer: bits per letter: [1-3]\.[0-9]+
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/embedding.hpp>
#include <eigengrad/nn/layers/transformer.hpp>
#include <eigengrad/nn/module_list.hpp>
#include <eigengrad/viz/viz.hpp>
#include <fstream>
#include <iterator>
#include <map>
namespace eg = eigengrad;
using Letters = eg::Tensor<std::int64_t>;
using Block = eg::TransformerEncoderLayer<float>;
using Cache = eg::AttentionCache<float>;  // keys and values of the letters read so far

struct Writer : eg::Module<float> {
  static constexpr eg::Index reach = 64, features = 96, depth = 3, heads = 4;

  explicit Writer(eg::Index letters)
      : table(letters, features), places(reach, features), norm({features}), head(features, letters) {
    for (eg::Index i = 0; i < depth; ++i)
      blocks.add(Block(features, heads,
                       {.feed_forward = 4 * features, .dropout = 0.1, .norm_first = true, .batch_first = true}));
  }
  // [batch, time] -> scores of what comes next [batch * time, letters].
  eg::Tensor<float> operator()(const Letters& letters) {
    return from(letters, 0, [](Block& block, eg::Index, const auto& x) { return block(x, {.causal = true}); });
  }
  // The same behind what the caches hold, one of each block.
  eg::Tensor<float> operator()(const Letters& letters, std::vector<Cache>& past) {
    return from(letters, past[0].length, [&](Block& block, eg::Index i, const auto& x) {
      return block.step(x, past[static_cast<std::size_t>(i)]);
    });
  }
  template <class F>
  eg::Tensor<float> from(const Letters& letters, eg::Index first, F through) {
    eg::Tensor<float> x = table(letters) + slice(places.weight, 0, first, first + letters.shape()[1]);
    for (eg::Index i = 0; i < depth; ++i) x = through(blocks.at<Block>(i), i, x);
    return head(reshape(norm(x), {-1, features}));
  }
  void members(eg::Members<float>& m) override {
    m("table", table);
    m("places", places);
    m("blocks", blocks);
    m("norm", norm);
    m("head", head);
  }
  eg::Embedding<float> table, places;
  eg::ModuleList<float> blocks;
  eg::LayerNorm<float> norm;
  eg::Linear<float> head;
};

int main(int count, char** arguments) {
  const int steps = count > 1 ? std::atoi(arguments[1]) : 1500;
  eg::manual_seed(1);
  const std::string path = eg::data_directory() + "/king_james.txt";
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 1;
  std::map<char, std::int64_t> number;
  for (const char c : text) number[c];
  std::string letter;
  for (auto& [c, n] : number) n = static_cast<std::int64_t>(letter.size()), letter += c;
  const auto numbers = [&](const std::string& some) {
    Letters result = Letters::zeros({1, static_cast<eg::Index>(some.size())});
    for (std::size_t i = 0; i < some.size(); ++i) result.at(0, static_cast<eg::Index>(i)) = number[some[i]];
    return result;
  };

  Writer writer(static_cast<eg::Index>(letter.size()));
  constexpr eg::Index reach = Writer::reach;
  eg::Adam<float> optimizer(writer.parameters(), {.learning_rate = 0.002f});
  eg::Generator random(3);
  const eg::Index batch = 16;
  double sum = 0, bits = 0;
  for (int step = 1; step <= steps; ++step) {
    Letters now = Letters::zeros({batch, reach}), next = Letters::zeros({batch * reach});
    for (eg::Index b = 0; b < batch; ++b) {
      const std::size_t first = random.below(text.size() - reach - 1);
      for (eg::Index t = 0; t < reach; ++t) {
        now.at(b, t) = number[text[first + static_cast<std::size_t>(t)]];
        next.at(b * reach + t) = number[text[first + static_cast<std::size_t>(t) + 1]];
      }
    }
    eg::Tape tape;
    const auto loss = eg::softmax_cross_entropy(writer(now), next);
    tape.backward(loss);
    eg::clip_gradient_norm(writer.parameters(), 1);
    optimizer.step();
    optimizer.zero_grad();
    sum += loss.item();
    if (step % 50 == 0) {
      bits = sum / 50 / std::log(2.0);
      sum = 0;
      if (steps < 1000 || step % 250 == 0) std::printf("step %4d: %.2f bits per letter\n", step, bits);
    }
  }

  // Writing: only the newest letter goes through the blocks, what it asks for lies in the caches. Full ones are
  // cleared, and the last letters read again.
  writer.eval();
  std::vector<Cache> past;
  for (eg::Index i = 0; i < Writer::depth; ++i) past.push_back(writer.blocks.at<Block>(i).self_attn.cache(1, reach));
  std::string written = "And ", unread = written;
  eg::Generator generator(7);
  while (written.size() < 400) {
    if (past[0].length == reach) {
      for (Cache& each : past) each.clear();
      unread = written.substr(written.size() - reach / 2);
    }
    const auto scores = writer(numbers(unread), past);
    const auto chances = softmax(slice(scores, 0, scores.shape()[0] - 1, scores.shape()[0]) / 0.7f);
    double left = generator.uniform();
    std::size_t next = 0;
    while (next + 1 < letter.size() && (left -= chances(0, static_cast<eg::Index>(next))) > 0) ++next;
    written += unread = letter[next];
  }
  std::printf("\n%s\n\nbits per letter: %.2f (%.2f before it learned anything)\n", written.c_str(), bits,
              std::log2(static_cast<double>(letter.size())));

  // Whom each letter (a row) asked (columns), in the heads of the first block.
  const std::string line = "Vanity of vanities, all is vanity.";
  Block& first = writer.blocks.at<Block>(0);
  const auto read = numbers(line);
  const auto x = first.norm1(writer.table(read) + slice(writer.places.weight, 0, 0, read.size()));
  const auto asked = first.self_attn.with_weights(x, x, x, {.causal = true}, false).weights;
  eg::viz::Figure figure({.columns = 2});
  for (eg::Index i = 0; i < Writer::heads; ++i)
    figure.add(eg::viz::heat_map(reshape(slice(asked, 1, i, i + 1), {read.size(), read.size()}),
                                 {.title = "Head " + std::to_string(i + 1) + " of the first block",
                                  .row_labels = eg::viz::characters(line),
                                  .column_labels = eg::viz::characters(line)}));
  figure.save("char_transformer.svg");
}
