#include "parallel.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace {

// For fewer elements per range, waking another thread costs more than it saves.
constexpr int64_t kSmall = 1 << 14;

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; ++i) std::thread([this, i] { work(i); }).detach();
  }

  int threads() const { return threads_; }

  // Runs `body(i)` for each i below `ranges`; the calling thread runs number 0.
  void run(int ranges, const std::function<void(int)>& body) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = &body;
      ranges_ = ranges;
      left_ = ranges - 1;
      ++turn_;
    }
    start_.notify_all();
    body(0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  void work(int index) {
    for (uint64_t seen = 0;;) {
      const std::function<void(int)>* body;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        start_.wait(lock, [&] { return turn_ != seen; });
        seen = turn_;
        if (index >= ranges_) continue;
        body = body_;
      }
      (*body)(index);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--left_ == 0) done_.notify_one();
    }
  }

  const int threads_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* body_ = nullptr;
  int ranges_ = 0, left_ = 0;
  uint64_t turn_ = 0;
};

// As many as TensorFlow uses: tensorflow.ts sets this variable to the container's limit unless the user has set it.
int threads() {
  const char* const asked = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int number = asked ? std::atoi(asked) : 0;
  return number > 0 ? number : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Lives as long as the process: its threads are never joined.
Pool& pool() {
  static Pool* const pool = new Pool(threads());
  return *pool;
}

}  // namespace

void parallel(int64_t count, int64_t cost, const std::function<void(int64_t, int64_t)>& body) {
  const int64_t useful = std::max<int64_t>(1, count * std::max<int64_t>(1, cost) / kSmall);
  const int ranges = static_cast<int>(std::min({useful, count, static_cast<int64_t>(pool().threads())}));
  if (ranges <= 1) return body(0, count);
  // One operation at a time: TensorFlow may call from several threads.
  static std::mutex turn;
  std::lock_guard<std::mutex> lock(turn);
  pool().run(ranges, [&](int i) { body(count * i / ranges, count * (i + 1) / ranges); });
}
