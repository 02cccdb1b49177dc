// An open loop of ours; see open_loop().
#include "ours.hpp"

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  callerapi::Caller caller = open_ours(task);
  return meter.run([&](std::uint64_t calls) { open_loop(caller, task, meter, calls); });
}
