// Fused operations: each is a single pass over memory, a plain loop over rows [begin, end), where TensorFlow's own
// operations would need several. Compiled once for each instruction set; one version is chosen when the library loads.
// `T` is float or bfloat16 (the upper half of a float). ../composed.ts is the reference definition of each.
#pragma once
#include <cstdint>

struct bfloat16 {
  uint16_t bits;
};

struct Heads {
  int64_t length, heads, kv_heads, head_size;
  bool neighbours;
};

// One chunk of queries in attention.
struct Chunk {
  int64_t length, begin, from, keys, group, rows, kv_heads;
};

struct Adam {
  float rate, beta1, beta2, epsilon, decay, correction1, correction2, gradient_scale;
};

template <typename T>
struct TypedKernels {
  void (*norm)(const float* x, const float* gain, float epsilon, T* y, float* inverse, int64_t width, int64_t begin,
               int64_t end);
  void (*norm_gradient)(const T* dy, const float* x, const float* inverse, const float* gain, const float* residual,
                        float* dx, int64_t width, int64_t begin, int64_t end);
  void (*add)(const float* x, const T* y, float* sum, int64_t begin, int64_t end);
  void (*add_into)(T* x, const T* y, const T* mask, int64_t begin, int64_t end);
  void (*multiply)(const T* x, const T* mask, T* y, int64_t begin, int64_t end);
  void (*swiglu)(const T* gate_up, T* product, int64_t width, int64_t begin, int64_t end);
  void (*swiglu_gradient)(const T* gate_up, const T* d_product, T* d_gate_up, int64_t width, int64_t begin,
                          int64_t end);
  void (*split_heads)(const T* qkv, const float* cos, const float* sin, T* q, T* k, T* v, Heads heads, int64_t begin,
                      int64_t end);
  void (*join_heads)(const T* dq, const float* dk, const float* dv, const float* cos, const float* sin, T* dqkv,
                     Heads heads, int64_t begin, int64_t end);
  void (*softmax)(T* scores, const int32_t* starts, Chunk chunk, int64_t begin, int64_t end);
  void (*softmax_gradient)(const T* p, T* dp, int64_t keys, int64_t begin, int64_t end);
  void (*add_keys)(float* sum, const T* part, Chunk chunk, int64_t width, int64_t begin, int64_t end);
  void (*cross_entropy)(T* logits, const int32_t* labels, const float* weights, float* losses, int64_t vocabulary,
                        int64_t begin, int64_t end);
  // On blocks of wider matrices: `stride` is the width of the whole matrix.
  void (*accumulate)(float* sum, const T* part, int64_t stride, float scale, int64_t width, int64_t begin, int64_t end);
  void (*put)(T* whole, const float* block, int64_t stride, float scale, int64_t width, int64_t begin, int64_t end);
  // One row of a quantised matrix.
  void (*dequantise)(int32_t type, const uint8_t* from, T* to, int64_t count);
};

struct Kernels {
  TypedKernels<float> f32;
  TypedKernels<bfloat16> bf16;
  void (*adamw)(float* value, float* first, float* second, const float* gradient, Adam adam, int64_t begin, int64_t end);
  void (*lionw)(float* value, float* first, const float* gradient, Adam adam, int64_t begin, int64_t end);
};

const Kernels& kernels();
