// The kernels as TensorFlow operations "Fmn...", registered through TensorFlow's C API when this library loads.
// An input marked "in place" is modified in its own memory; the operation has no output for it.
#include <functional>
#include <vector>

#include "kernels.h"
#include "parallel.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

extern const Kernels kernels_baseline;
#ifdef FMN_X86
#include <cpuid.h>

extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;

namespace {

// What the processor supports and the system saves on a context switch (Intel's manual, volume 1, 14.3 and 15.2).
// __builtin_cpu_supports would tell too, but always says no in what Zig 0.17 builds.
const Kernels& fastest_of_x86() {
  unsigned a, b, c, d, saved, high;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return kernels_baseline;
  const bool fma = c & (1u << 12), can_ask = c & (1u << 27);
  if (!fma || !can_ask || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return kernels_baseline;
  __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  const bool avx2 = b & (1u << 5);
  const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  if (!avx2 || (saved & 6) != 6) return kernels_baseline;
  return (b & avx512) == avx512 && (saved & 0xe6) == 0xe6 ? kernels_avx512 : kernels_avx2;
}

}  // namespace
#endif

const Kernels& kernels() {
#ifdef FMN_X86
  static const Kernels& best = fastest_of_x86();
  return best;
#else
  return kernels_baseline;
#endif
}

namespace {

template <typename T>
const TypedKernels<T>& typed();
template <>
const TypedKernels<float>& typed<float>() {
  return kernels().f32;
}
template <>
const TypedKernels<bfloat16>& typed<bfloat16>() {
  return kernels().bf16;
}

using Shape = std::vector<int64_t>;

// One call of an operation; its destructor frees inputs and outputs.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    TF_DeleteStatus(status_);
  }

  TF_Tensor* input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (tensor) tensors_.push_back(tensor);
    return tensor;
  }
  template <typename T>
  T* data(int index) {
    return static_cast<T*>(TF_TensorData(input(index)));
  }
  Shape shape(int index) {
    TF_Tensor* tensor = input(index);
    Shape dims(TF_NumDims(tensor));
    for (size_t i = 0; i < dims.size(); ++i) dims[i] = TF_Dim(tensor, i);
    return dims;
  }
  int64_t count(int index) { return TF_TensorElementCount(input(index)); }

  template <typename T>
  T* output(int index, const Shape& shape) {
    size_t bytes = sizeof(T);
    for (int64_t size : shape) bytes *= size;
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_ExpectedOutputDataType(context_, index), shape.data(),
                                          shape.size(), bytes, status_);
    if (!tensor) return nullptr;
    tensors_.push_back(tensor);
    return static_cast<T*>(TF_TensorData(tensor));
  }

 private:
  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> tensors_;
};

Heads heads_of(const int32_t* numbers) { return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] != 0}; }

Adam adam_of(const float* n) { return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]}; }

template <typename T>
struct Ops {
  static void norm(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    const int64_t rows = shape[0], width = shape[1];
    const float *x = call.data<float>(0), *gain = call.data<float>(1), epsilon = *call.data<float>(2);
    T* y = call.output<T>(0, shape);
    float* inverse = call.output<float>(1, {rows, 1});
    if (!y || !inverse) return;
    parallel(rows, width, [&](int64_t b, int64_t e) { typed<T>().norm(x, gain, epsilon, y, inverse, width, b, e); });
  }

  static void norm_gradient(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(1);
    const T* dy = call.data<T>(0);
    const float *x = call.data<float>(1), *inverse = call.data<float>(2), *gain = call.data<float>(3),
                *residual = call.count(4) ? call.data<float>(4) : nullptr;
    float* dx = call.output<float>(0, shape);
    if (!dx) return;
    parallel(shape[0], shape[1], [&](int64_t b, int64_t e) {
      typed<T>().norm_gradient(dy, x, inverse, gain, residual, dx, shape[1], b, e);
    });
  }

  static void add(void*, TF_OpKernelContext* context) {
    Call call(context);
    const float* x = call.data<float>(0);
    const T* y = call.data<T>(1);
    float* sum = call.output<float>(0, call.shape(0));
    if (!sum) return;
    parallel(call.count(0), 1, [&](int64_t b, int64_t e) { typed<T>().add(x, y, sum, b, e); });
  }

  // x in place. An empty mask means no mask; input 3 is the mask's offset in its table.
  static void add_into(void*, TF_OpKernelContext* context) {
    Call call(context);
    T* x = call.data<T>(0);
    const T *y = call.data<T>(1), *mask = call.count(2) ? call.data<T>(2) + *call.data<int32_t>(3) : nullptr;
    parallel(call.count(0), 1, [&](int64_t b, int64_t e) { typed<T>().add_into(x, y, mask, b, e); });
  }

  static void multiply(void*, TF_OpKernelContext* context) {
    Call call(context);
    const T *x = call.data<T>(0), *mask = call.data<T>(1) + *call.data<int32_t>(2);
    T* y = call.output<T>(0, call.shape(0));
    if (!y) return;
    parallel(call.count(0), 1, [&](int64_t b, int64_t e) { typed<T>().multiply(x, mask, y, b, e); });
  }

  static void swiglu(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    const int64_t width = shape[1] / 2;
    const T* gate_up = call.data<T>(0);
    T* product = call.output<T>(0, {shape[0], width});
    if (!product) return;
    parallel(shape[0], width, [&](int64_t b, int64_t e) { typed<T>().swiglu(gate_up, product, width, b, e); });
  }

  static void swiglu_gradient(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    const int64_t width = shape[1] / 2;
    const T *gate_up = call.data<T>(0), *d_product = call.data<T>(1);
    T* d_gate_up = call.output<T>(0, shape);
    if (!d_gate_up) return;
    parallel(shape[0], width,
             [&](int64_t b, int64_t e) { typed<T>().swiglu_gradient(gate_up, d_product, d_gate_up, width, b, e); });
  }

  static void split_heads(void*, TF_OpKernelContext* context) {
    Call call(context);
    const T* qkv = call.data<T>(0);
    const float *cos = call.data<float>(1), *sin = call.data<float>(2);
    const Heads h = heads_of(call.data<int32_t>(3));
    const int64_t rows = call.shape(0)[0], outer = rows / h.length * h.kv_heads;
    T* q = call.output<T>(0, {outer, h.length, h.heads / h.kv_heads * h.head_size});
    T* k = call.output<T>(1, {outer, h.length, h.head_size});
    T* v = call.output<T>(2, {outer, h.length, h.head_size});
    if (!q || !k || !v) return;
    parallel(rows, (h.heads + 2 * h.kv_heads) * h.head_size,
             [&](int64_t b, int64_t e) { typed<T>().split_heads(qkv, cos, sin, q, k, v, h, b, e); });
  }

  static void join_heads(void*, TF_OpKernelContext* context) {
    Call call(context);
    const T* dq = call.data<T>(0);
    const float *dk = call.data<float>(1), *dv = call.data<float>(2), *cos = call.data<float>(3),
                *sin = call.data<float>(4);
    const Heads h = heads_of(call.data<int32_t>(5));
    const int64_t rows = call.shape(1)[0] / h.kv_heads * h.length, width = (h.heads + 2 * h.kv_heads) * h.head_size;
    T* dqkv = call.output<T>(0, {rows, width});
    if (!dqkv) return;
    parallel(rows, width,
             [&](int64_t b, int64_t e) { typed<T>().join_heads(dq, dk, dv, cos, sin, dqkv, h, b, e); });
  }

  static Chunk chunk_of(const int32_t* n, int64_t keys) { return {n[0], n[1], n[2], keys, n[3], n[4], n[5]}; }

  // scores in place; empty `starts` means one document per sequence.
  static void softmax(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    T* scores = call.data<T>(0);
    const int32_t* starts = call.count(1) ? call.data<int32_t>(1) : nullptr;
    const Chunk chunk = chunk_of(call.data<int32_t>(2), shape[2]);
    parallel(shape[0] * shape[1], shape[2],
             [&](int64_t b, int64_t e) { typed<T>().softmax(scores, starts, chunk, b, e); });
  }

  // dp in place.
  static void softmax_gradient(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    const T* p = call.data<T>(0);
    T* dp = call.data<T>(1);
    parallel(shape[0] * shape[1], shape[2],
             [&](int64_t b, int64_t e) { typed<T>().softmax_gradient(p, dp, shape[2], b, e); });
  }

  // sum in place.
  static void add_keys(void*, TF_OpKernelContext* context) {
    Call call(context);
    float* sum = call.data<float>(0);
    const T* part = call.data<T>(1);
    const Shape shape = call.shape(1);
    const Chunk chunk = chunk_of(call.data<int32_t>(2), shape[1]);
    parallel(shape[0] * shape[1], shape[2],
             [&](int64_t b, int64_t e) { typed<T>().add_keys(sum, part, chunk, shape[2], b, e); });
  }

  // If there are weights, logits become their gradient, in place.
  static void cross_entropy(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    T* logits = call.data<T>(0);
    const int32_t* labels = call.data<int32_t>(1);
    const float* weights = call.count(2) ? call.data<float>(2) : nullptr;
    float* losses = call.output<float>(0, {shape[0]});
    if (!losses) return;
    parallel(shape[0], shape[1], [&](int64_t b, int64_t e) {
      typed<T>().cross_entropy(logits, labels, weights, losses, shape[1], b, e);
    });
  }

  // sum in place: adds scale x the block of `part` that begins at (row, column).
  static void accumulate(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(0);
    // A vector is one row.
    const int64_t rows = shape.size() > 1 ? shape[0] : 1, width = shape.back(), stride = call.shape(1).back();
    float* sum = call.data<float>(0);
    const int32_t* place = call.data<int32_t>(2);
    const T* part = call.data<T>(1) + place[0] * stride + place[1];
    const float scale = *call.data<float>(3);
    parallel(rows, width,
             [&](int64_t b, int64_t e) { typed<T>().accumulate(sum, part, stride, scale, width, b, e); });
  }

  // whole in place: scale x block replaces its part that begins at (row, column).
  static void put(void*, TF_OpKernelContext* context) {
    Call call(context);
    const Shape shape = call.shape(1);
    const int64_t stride = call.shape(0)[1];
    const int32_t* place = call.data<int32_t>(2);
    T* whole = call.data<T>(0) + place[0] * stride + place[1];
    const float *block = call.data<float>(1), scale = *call.data<float>(3);
    parallel(shape[0], shape[1],
             [&](int64_t b, int64_t e) { typed<T>().put(whole, block, stride, scale, shape[1], b, e); });
  }

  // Up to three quantised matrices, stacked; `layout`: width, then format, rows and bytes per row of each.
  // With `indices`, only those rows of the first.
  static void dequantise(void*, TF_OpKernelContext* context) {
    Call call(context);
    const int32_t* layout = call.data<int32_t>(4);
    const int64_t width = layout[0], chosen = call.count(3);
    const int32_t* indices = chosen ? call.data<int32_t>(3) : nullptr;
    struct Part {
      const uint8_t* bytes;
      int32_t type;
      int64_t rows, stride;
    } parts[3];
    int64_t rows = 0;
    for (int i = 0; i < 3; ++i) {
      const int32_t* n = layout + 1 + 3 * i;
      parts[i] = {call.data<uint8_t>(i), n[0], n[1], n[2]};
      rows += n[1];
    }
    T* numbers = call.output<T>(0, {indices ? chosen : rows, width});
    if (!numbers) return;
    parallel(indices ? chosen : rows, width, [&](int64_t b, int64_t e) {
      for (int64_t row = b; row < e; ++row) {
        int64_t from = indices ? indices[row] : row;
        const Part* part = parts;
        while (!indices && from >= part->rows) from -= (part++)->rows;
        typed<T>().dequantise(part->type, part->bytes + from * part->stride, numbers + row * width, width);
      }
    });
  }
};

// value, first and second moment in place.
void adamw(void*, TF_OpKernelContext* context) {
  Call call(context);
  float *value = call.data<float>(0), *first = call.data<float>(1), *second = call.data<float>(2);
  const float* gradient = call.data<float>(3);
  const Adam adam = adam_of(call.data<float>(4));
  parallel(call.count(0), 1,
           [&](int64_t b, int64_t e) { kernels().adamw(value, first, second, gradient, adam, b, e); });
}

// value and momentum in place.
void lionw(void*, TF_OpKernelContext* context) {
  Call call(context);
  float *value = call.data<float>(0), *first = call.data<float>(1);
  const float* gradient = call.data<float>(2);
  const Adam adam = adam_of(call.data<float>(3));
  parallel(call.count(0), 1, [&](int64_t b, int64_t e) { kernels().lionw(value, first, gradient, adam, b, e); });
}

using Compute = void (*)(void*, TF_OpKernelContext*);

void define(const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs,
            bool typed) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(name);
  if (typed) TF_OpDefinitionBuilderAddAttr(builder, "T: {float, bfloat16}");
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
  TF_OpDefinitionBuilderSetIsStateful(builder, true);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, TF_ShapeInferenceContextSetUnknownShape);
  TF_Status* status = TF_NewStatus();
  TF_RegisterOpDefinition(builder, status);
  TF_DeleteStatus(status);
}

void implement(const char* name, Compute compute, const TF_DataType* type) {
  TF_Status* status = TF_NewStatus();
  TF_KernelBuilder* builder = TF_NewKernelBuilder(name, "CPU", nullptr, compute, nullptr);
  if (type) TF_KernelBuilder_TypeConstraint(builder, "T", *type, status);
  TF_RegisterKernelBuilder(name, builder, status);
  TF_DeleteStatus(status);
}

void define(const char* name, Compute f32, Compute bf16, const std::vector<const char*>& inputs,
            const std::vector<const char*>& outputs) {
  static const TF_DataType types[] = {TF_FLOAT, TF_BFLOAT16};
  define(name, inputs, outputs, true);
  implement(name, f32, &types[0]);
  implement(name, bf16, &types[1]);
}

#define FMN_OP(name, function, ...) define(name, Ops<float>::function, Ops<bfloat16>::function, __VA_ARGS__)

const bool registered = [] {
  FMN_OP("FmnNorm", norm, {"x: float", "gain: float", "epsilon: float"}, {"y: T", "inverse: float"});
  FMN_OP("FmnNormGradient", norm_gradient,
         {"dy: T", "x: float", "inverse: float", "gain: float", "residual: float"}, {"dx: float"});
  FMN_OP("FmnAdd", add, {"x: float", "y: T"}, {"sum: float"});
  FMN_OP("FmnAddInto", add_into, {"x: T", "y: T", "mask: T", "begin: int32"}, {});
  FMN_OP("FmnMultiply", multiply, {"x: T", "mask: T", "begin: int32"}, {"y: T"});
  FMN_OP("FmnSwiglu", swiglu, {"gate_up: T"}, {"product: T"});
  FMN_OP("FmnSwigluGradient", swiglu_gradient, {"gate_up: T", "d_product: T"}, {"d_gate_up: T"});
  FMN_OP("FmnSplitHeads", split_heads, {"qkv: T", "cos: float", "sin: float", "heads: int32"},
         {"q: T", "k: T", "v: T"});
  FMN_OP("FmnJoinHeads", join_heads,
         {"dq: T", "dk: float", "dv: float", "cos: float", "sin: float", "heads: int32"}, {"dqkv: T"});
  FMN_OP("FmnSoftmax", softmax, {"scores: T", "starts: int32", "chunk: int32"}, {});
  FMN_OP("FmnSoftmaxGradient", softmax_gradient, {"p: T", "dp: T"}, {});
  FMN_OP("FmnAddKeys", add_keys, {"sum: float", "part: T", "chunk: int32"}, {});
  FMN_OP("FmnCrossEntropy", cross_entropy, {"logits: T", "labels: int32", "weights: float"}, {"losses: float"});
  FMN_OP("FmnAccumulate", accumulate, {"sum: float", "part: T", "place: int32", "scale: float"}, {});
  FMN_OP("FmnPut", put, {"whole: T", "block: float", "place: int32", "scale: float"}, {});
  FMN_OP("FmnDequantise", dequantise,
         {"first: int32", "second: int32", "third: int32", "indices: int32", "layout: int32"}, {"numbers: T"});
  define("FmnAdamw", {"value: float", "first: float", "second: float", "gradient: float", "numbers: float"}, {}, false);
  implement("FmnAdamw", adamw, nullptr);
  define("FmnLionw", {"value: float", "first: float", "gradient: float", "numbers: float"}, {}, false);
  implement("FmnLionw", lionw, nullptr);
  return true;
}();

}  // namespace
