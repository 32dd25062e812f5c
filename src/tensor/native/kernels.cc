#include "kernels.h"

#include <cmath>
#include <cstring>
#include <vector>

#ifndef FMN_ISA
#define FMN_ISA baseline
#endif

namespace {

// std::bit_cast is C++20, and not every C++17 compiler has the builtin for it.
template <typename To, typename From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}

inline float get(const float* p, int64_t i) { return p[i]; }
inline void set(float* p, int64_t i, float x) { p[i] = x; }

inline float get(const bfloat16* p, int64_t i) {
  return bit_cast<float>(static_cast<uint32_t>(p[i].bits) << 16);
}
// Rounds to nearest, ties to even.
inline void set(bfloat16* p, int64_t i, float x) {
  const uint32_t bits = bit_cast<uint32_t>(x);
  p[i].bits = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#include "quants.h"

// Cephes' expf, in a form that compilers turn into vector code; NaN stays NaN.
inline float exponential(float x) {
  x = x < -87.f ? -87.f : x;
  x = x > 88.f ? 88.f : x;
  const float rounder = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504088896341f + rounder;
  const float n = shifted - rounder;
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  const int32_t power = (bit_cast<int32_t>(shifted) - 0x4b400000 + 127) << 23;
  return p * bit_cast<float>(power);
}

inline float sigmoid(float x) { return 1.f / (1.f + exponential(-x)); }

float* scratch(int64_t size) {
  thread_local std::vector<float> buffer;
  if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(size);
  return buffer.data();
}

template <typename T>
void norm(const float* x, const float* gain, float epsilon, T* y, float* inverse, int64_t width, int64_t begin,
          int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float* from = x + row * width;
    T* to = y + row * width;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; ++i) sum += from[i] * from[i];
    const float scale = 1.f / std::sqrt(sum / width + epsilon);
    inverse[row] = scale;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) set(to, i, from[i] * scale * gain[i]);
  }
}

template <typename T>
void norm_gradient(const T* dy, const float* x, const float* inverse, const float* gain, const float* residual,
                   float* dx, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * width;
    const float scale = inverse[row];
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; ++i) sum += get(dy + at, i) * gain[i] * x[at + i];
    const float pull = sum / width * scale * scale * scale;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) dx[at + i] = get(dy + at, i) * gain[i] * scale - x[at + i] * pull;
    if (!residual) continue;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) dx[at + i] += residual[at + i];
  }
}

template <typename T>
void add(const float* x, const T* y, float* sum, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) sum[i] = x[i] + get(y, i);
}

template <typename T>
void add_into(T* x, const T* y, const T* mask, int64_t begin, int64_t end) {
  if (!mask) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) set(x, i, get(x, i) + get(y, i));
  } else {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) set(x, i, get(x, i) + get(y, i) * get(mask, i));
  }
}

template <typename T>
void multiply(const T* x, const T* mask, T* y, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) set(y, i, get(x, i) * get(mask, i));
}

template <typename T>
void swiglu(const T* gate_up, T* product, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* gate = gate_up + 2 * row * width;
    const T* up = gate + width;
    T* to = product + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float g = get(gate, i);
      set(to, i, g * sigmoid(g) * get(up, i));
    }
  }
}

template <typename T>
void swiglu_gradient(const T* gate_up, const T* d_product, T* d_gate_up, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* gate = gate_up + 2 * row * width;
    const T* up = gate + width;
    const T* d = d_product + row * width;
    T* d_gate = d_gate_up + 2 * row * width;
    T* d_up = d_gate + width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float g = get(gate, i), u = get(up, i), di = get(d, i);
      const float s = sigmoid(g), silu = g * s;
      set(d_gate, i, di * u * (s + silu - silu * s));
      set(d_up, i, di * silu);
    }
  }
}

// RoPE: rotates one head by its position and scales it; `back` rotates in the opposite direction.
template <bool back, typename From, typename To>
inline void turn(const From* x, To* y, const float* cos, const float* sin, int64_t half, bool neighbours, float scale) {
  const int64_t step = neighbours ? 2 : 1, other = neighbours ? 1 : half;
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float a = get(x, step * i), b = get(x, step * i + other);
    const float c = cos[i] * scale, s = (back ? -sin[i] : sin[i]) * scale;
    set(y, step * i, a * c - b * s);
    set(y, step * i + other, b * c + a * s);
  }
}

template <typename T>
void split_heads(const T* qkv, const float* cos, const float* sin, T* q, T* k, T* v, Heads h, int64_t begin,
                 int64_t end) {
  const int64_t size = h.head_size, half = size / 2, group = h.heads / h.kv_heads;
  const float scale = 1.f / std::sqrt(static_cast<float>(size));
  for (int64_t row = begin; row < end; ++row) {
    const int64_t sequence = row / h.length, position = row % h.length;
    const T* from = qkv + row * (h.heads + 2 * h.kv_heads) * size;
    const float *c = cos + position * half, *s = sin + position * half;
    for (int64_t kv = 0; kv < h.kv_heads; ++kv) {
      const int64_t at = (sequence * h.kv_heads + kv) * h.length + position;
      for (int64_t g = 0; g < group; ++g)
        turn<false>(from + (kv * group + g) * size, q + (at * group + g) * size, c, s, half, h.neighbours, scale);
      turn<false>(from + (h.heads + kv) * size, k + at * size, c, s, half, h.neighbours, 1.f);
      std::memcpy(v + at * size, from + (h.heads + h.kv_heads + kv) * size, size * sizeof(T));
    }
  }
}

template <typename T>
void join_heads(const T* dq, const float* dk, const float* dv, const float* cos, const float* sin, T* dqkv, Heads h,
                int64_t begin, int64_t end) {
  const int64_t size = h.head_size, half = size / 2, group = h.heads / h.kv_heads;
  const float scale = 1.f / std::sqrt(static_cast<float>(size));
  for (int64_t row = begin; row < end; ++row) {
    const int64_t sequence = row / h.length, position = row % h.length;
    T* to = dqkv + row * (h.heads + 2 * h.kv_heads) * size;
    const float *c = cos + position * half, *s = sin + position * half;
    for (int64_t kv = 0; kv < h.kv_heads; ++kv) {
      const int64_t at = (sequence * h.kv_heads + kv) * h.length + position;
      for (int64_t g = 0; g < group; ++g)
        turn<true>(dq + (at * group + g) * size, to + (kv * group + g) * size, c, s, half, h.neighbours, scale);
      turn<true>(dk + at * size, to + (h.heads + kv) * size, c, s, half, h.neighbours, 1.f);
      T* v = to + (h.heads + h.kv_heads + kv) * size;
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) set(v, i, dv[at * size + i]);
    }
  }
}

// The largest of x[first], ..., x[last - 1]. Lane by lane, because Clang does not vectorize the reduction.
template <typename T>
float largest_of(const T* x, int64_t first, int64_t last) {
  constexpr int lanes = 16;
  float largest[lanes];
  for (float& one : largest) one = get(x, first);
  int64_t i = first;
  for (; i + lanes <= last; i += lanes)
#pragma omp simd
    for (int lane = 0; lane < lanes; ++lane) {
      const float value = get(x, i + lane);
      largest[lane] = value > largest[lane] ? value : largest[lane];
    }
  for (; i < last; ++i) largest[0] = get(x, i) > largest[0] ? get(x, i) : largest[0];
  for (const float one : largest) largest[0] = one > largest[0] ? one : largest[0];
  return largest[0];
}

// Rows are [sequence x kv head, query, group]; keys before a query's document or after the query get probability 0.
template <typename T>
void softmax(T* scores, const int32_t* starts, Chunk c, int64_t begin, int64_t end) {
  float* e = scratch(c.keys);
  const int64_t per_head = c.rows * c.group;
  for (int64_t row = begin; row < end; ++row) {
    T* x = scores + row * c.keys;
    const int64_t query = c.begin + row % per_head / c.group;
    const int64_t sequence = row / per_head / c.kv_heads;
    const int64_t start = starts ? starts[sequence * c.length + query] : 0;
    const int64_t first = start > c.from ? start - c.from : 0, last = query - c.from + 1;
    const float largest = largest_of(x, first, last);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = first; i < last; ++i) {
      e[i] = exponential(get(x, i) - largest);
      sum += e[i];
    }
    const float scale = 1.f / sum;
    for (int64_t i = 0; i < first; ++i) set(x, i, 0.f);
#pragma omp simd
    for (int64_t i = first; i < last; ++i) set(x, i, e[i] * scale);
    for (int64_t i = last; i < c.keys; ++i) set(x, i, 0.f);
  }
}

template <typename T>
void softmax_gradient(const T* p, T* dp, int64_t keys, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* probability = p + row * keys;
    T* d = dp + row * keys;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < keys; ++i) dot += get(probability, i) * get(d, i);
#pragma omp simd
    for (int64_t i = 0; i < keys; ++i) set(d, i, get(probability, i) * (get(d, i) - dot));
  }
}

template <typename T>
void add_keys(float* sum, const T* part, Chunk c, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    float* to = sum + (row / c.keys * c.length + c.from + row % c.keys) * width;
    const T* from = part + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) to[i] += get(from, i);
  }
}

// Without `weights`, computes only the losses.
template <typename T>
void cross_entropy(T* logits, const int32_t* labels, const float* weights, float* losses, int64_t vocabulary,
                   int64_t begin, int64_t end) {
  float* e = scratch(vocabulary);
  for (int64_t row = begin; row < end; ++row) {
    T* x = logits + row * vocabulary;
    const float right = get(x, labels[row]);
    const float largest = largest_of(x, 0, vocabulary);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < vocabulary; ++i) {
      e[i] = exponential(get(x, i) - largest);
      sum += e[i];
    }
    losses[row] = std::log(sum) + largest - right;
    if (!weights) continue;
    const float weight = weights[row], scale = weight / sum;
#pragma omp simd
    for (int64_t i = 0; i < vocabulary; ++i) set(x, i, e[i] * scale);
    set(x, labels[row], e[labels[row]] * scale - weight);
  }
}

template <typename T>
void accumulate(float* sum, const T* part, int64_t stride, float scale, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    float* to = sum + row * width;
    const T* from = part + row * stride;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) to[i] += get(from, i) * scale;
  }
}

template <typename T>
void put(T* whole, const float* block, int64_t stride, float scale, int64_t width, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    T* to = whole + row * stride;
    const float* from = block + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) set(to, i, from[i] * scale);
  }
}

void adamw(float* value, float* first, float* second, const float* gradient, Adam a, int64_t begin, int64_t end) {
  const float step = a.rate / a.correction1, root = 1.f / std::sqrt(a.correction2), kept = 1.f - a.rate * a.decay;
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const float g = gradient[i] * a.gradient_scale;
    const float m = first[i] * a.beta1 + g * (1.f - a.beta1);
    const float v = second[i] * a.beta2 + g * g * (1.f - a.beta2);
    first[i] = m;
    second[i] = v;
    value[i] = value[i] * kept - step * m / (std::sqrt(v) * root + a.epsilon);
  }
}

void lionw(float* value, float* first, const float* gradient, Adam a, int64_t begin, int64_t end) {
  const float kept = 1.f - a.rate * a.decay;
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const float g = gradient[i] * a.gradient_scale;
    const float blend = first[i] * a.beta1 + g * (1.f - a.beta1);
    const float sign = static_cast<float>((blend > 0.f) - (blend < 0.f));
    first[i] = first[i] * a.beta2 + g * (1.f - a.beta2);
    value[i] = value[i] * kept - a.rate * sign;
  }
}

template <typename T>
constexpr TypedKernels<T> typed() {
  return {norm<T>,          norm_gradient<T>, add<T>,     add_into<T>,         multiply<T>,
          swiglu<T>,        swiglu_gradient<T>, split_heads<T>, join_heads<T>,   softmax<T>,
          softmax_gradient<T>, add_keys<T>,    cross_entropy<T>, accumulate<T>,  put<T>,
          dequantise<T>};
}

}  // namespace

#define FMN_NAME2(isa) kernels_##isa
#define FMN_NAME(isa) FMN_NAME2(isa)
extern const Kernels FMN_NAME(FMN_ISA);
const Kernels FMN_NAME(FMN_ISA) = {typed<float>(), typed<bfloat16>(), adamw, lionw};
