// Dequantisation, included by kernels.cc for each instruction set. Layouts: ggml's `ggml-quants.c`; src/gguf has a
// readable version (dequantise.ts, k-quants.ts). Products of a scale and a small integer are exact in a float, so each
// value is rounded only once and equals ggml's bit for bit.
#pragma once

inline float half(const uint8_t* p) {
  const uint32_t bits = p[0] | (p[1] << 8);
  const uint32_t sign = (bits & 0x8000) << 16, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  // Zero and subnormals: fraction x 2^-24.
  if (exponent == 0) return bit_cast<float>(bit_cast<uint32_t>(fraction * 5.9604644775390625e-8f) | sign);
  if (exponent == 31) return bit_cast<float>(sign | 0x7f800000 | (fraction << 13));
  return bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

inline uint32_t word(const uint8_t* p) { return p[0] | (p[1] << 8) | (p[2] << 16) | (static_cast<uint32_t>(p[3]) << 24); }

template <typename T>
void read_q8_0(const uint8_t* block, T* to, int64_t count) {
  for (; count > 0; count -= 32, block += 34, to += 32) {
    const float d = half(block);
    const int8_t* q = reinterpret_cast<const int8_t*>(block + 2);
#pragma omp simd
    for (int64_t i = 0; i < 32; ++i) set(to, i, d * q[i]);
  }
}

// `with_minimum`: d q + m, else d (q - middle). `fifth`: 4 bytes with the fifth bits precede the pairs of 4 bits.
template <typename T, bool with_minimum, bool fifth>
void read_small(const uint8_t* block, T* to, int64_t count) {
  const int64_t pairs = 2 + (with_minimum ? 2 : 0) + (fifth ? 4 : 0);
  const int middle = fifth ? 16 : 8;
  for (; count > 0; count -= 32, block += pairs + 16, to += 32) {
    const float d = half(block), m = with_minimum ? half(block + 2) : 0.f;
    const uint32_t bits = fifth ? word(block + pairs - 4) : 0;
    const uint8_t* q = block + pairs;
#pragma omp simd
    for (int i = 0; i < 16; ++i) {
      const int low = (q[i] & 15) | (((bits >> i) & 1) << 4), high = (q[i] >> 4) | (((bits >> (i + 16)) & 1) << 4);
      set(to, i, with_minimum ? d * low + m : d * (low - middle));
      set(to, i + 16, with_minimum ? d * high + m : d * (high - middle));
    }
  }
}

// The 8 scales, then the 8 minima of a block: 6 bits each in 12 bytes; groups 4 to 7 are split.
inline void read_factors(const uint8_t* block, float* scales, float* minima) {
  const float d = half(block), least = half(block + 2);
  for (int group = 0; group < 4; ++group) {
    const int scale = block[4 + group], minimum = block[8 + group], both = block[12 + group];
    scales[group] = d * (scale & 63);
    scales[group + 4] = d * ((both & 15) | ((scale >> 6) << 4));
    minima[group] = least * (minimum & 63);
    minima[group + 4] = least * ((both >> 4) | ((minimum >> 6) << 4));
  }
}

// Q4_K; `fifth`: Q5_K, with 32 bytes of fifth bits before the pairs.
template <typename T, bool fifth>
void read_k(const uint8_t* block, T* to, int64_t count) {
  const int64_t pairs = 16 + (fifth ? 32 : 0);
  float scales[8], minima[8];
  for (; count > 0; count -= 256, block += pairs + 128) {
    read_factors(block, scales, minima);
    const uint8_t* q = block + pairs;
    for (int group = 0; group < 8; group += 2, q += 32, to += 64) {
      const float low = scales[group], high = scales[group + 1], low_m = minima[group], high_m = minima[group + 1];
#pragma omp simd
      for (int i = 0; i < 32; ++i) {
        const int bits = fifth ? block[16 + i] >> group : 0;
        set(to, i, low * ((q[i] & 15) | ((bits & 1) << 4)) - low_m);
        set(to, i + 32, high * ((q[i] >> 4) | ((bits & 2) << 3)) - high_m);
      }
    }
  }
}

template <typename T>
void read_q6_k(const uint8_t* block, T* to, int64_t count) {
  for (; count > 0; count -= 256, block += 210) {
    const float d = half(block + 208);
    const int8_t* scales = reinterpret_cast<const int8_t*>(block + 192);
    for (int part = 0; part < 2; ++part, to += 128) {
      const uint8_t *low = block + part * 64, *high = block + 128 + part * 32;
      for (int side = 0; side < 2; ++side) {
        const int8_t* s = scales + part * 8 + side;
        const float a = d * s[0], b = d * s[2], c = d * s[4], e = d * s[6];
#pragma omp simd
        for (int i = 16 * side; i < 16 * side + 16; ++i) {
          set(to, i, a * (((low[i] & 15) | ((high[i] & 3) << 4)) - 32));
          set(to, i + 32, b * (((low[i + 32] & 15) | ((high[i] & 12) << 2)) - 32));
          set(to, i + 64, c * (((low[i] >> 4) | (high[i] & 48)) - 32));
          set(to, i + 96, e * (((low[i + 32] >> 4) | ((high[i] & 192) >> 2)) - 32));
        }
      }
    }
  }
}

// `count` values of a row. `type`: ggml's number of the format; for an unknown one the row stays unchanged.
template <typename T>
void dequantise(int32_t type, const uint8_t* from, T* to, int64_t count) {
  switch (type) {
    case 2: return read_small<T, false, false>(from, to, count);
    case 3: return read_small<T, true, false>(from, to, count);
    case 6: return read_small<T, false, true>(from, to, count);
    case 7: return read_small<T, true, true>(from, to, count);
    case 8: return read_q8_0(from, to, count);
    case 12: return read_k<T, false>(from, to, count);
    case 13: return read_k<T, true>(from, to, count);
    case 14: return read_q6_k(from, to, count);
  }
}
