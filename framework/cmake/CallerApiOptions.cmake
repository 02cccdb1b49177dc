# What every target of this tree is compiled with. Consumers of the package never see these.
add_library(callerapi_options INTERFACE)
target_compile_features(callerapi_options INTERFACE cxx_std_20)
target_compile_options(callerapi_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  -fstack-protector-strong
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>
  # clang 14 warns about a braced zero for structs; it is how C++ spells "all defaults".
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-missing-field-initializers>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-missing-field-initializers>)

# ASan and TSan must be in every object of a program; UBSan only where the rules are ours to keep
# (framework and plugins): GoogleTest's printers trip it for nothing.
if(CALLERAPI_SANITIZE)
  string(REPLACE "undefined" "" _whole_program "${CALLERAPI_SANITIZE}")
  string(REGEX REPLACE "^,|,$" "" _whole_program "${_whole_program}")
  add_compile_options(-fsanitize=${_whole_program})
  add_link_options(-fsanitize=${CALLERAPI_SANITIZE})
  target_compile_options(callerapi_options INTERFACE
    -fsanitize=${CALLERAPI_SANITIZE} -fno-sanitize-recover=all
    # With sanitizers g++ 12 takes members of std::function and boost::optional for uninitialised.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

# What a fuzz target runs must report which of its edges were taken.
if(CALLERAPI_FUZZ)
  target_compile_options(callerapi_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
