// Distributes rows over the processor's cores.
#pragma once
#include <cstdint>
#include <functional>

// Splits [0, count) into ranges and runs `body` on each in its own thread. `cost` is the number of elements per row:
// small work stays on this thread.
void parallel(int64_t count, int64_t cost, const std::function<void(int64_t begin, int64_t end)>& body);
