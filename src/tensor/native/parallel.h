// Shares rows between the processor's cores.
#pragma once
#include <cstdint>
#include <functional>

// Runs `body` over [0, count) in ranges, each on one thread; `cost` is the elements that a row touches, so that small
// work stays on this thread.
void parallel(int64_t count, int64_t cost, const std::function<void(int64_t begin, int64_t end)>& body);
