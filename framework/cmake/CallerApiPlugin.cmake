# Builds one service plugin, <name>.capi.so. The same function serves this tree and, after
# find_package(CallerAPI COMPONENTS sdk), the trees of the teams.
#   callerapi_add_plugin(billing SOURCES billing.cpp [LIBRARIES ...])
# The target is billing_plugin. A tree that is built with -fsanitize sets CALLERAPI_SANITIZE.
function(callerapi_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "callerapi_add_plugin(${name} SOURCES ... [LIBRARIES ...]): "
                        "unexpected or missing arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()

  add_library(${name}_plugin MODULE ${arg_SOURCES})
  target_link_libraries(${name}_plugin PRIVATE CallerAPI::sdk ${arg_LIBRARIES})
  target_compile_features(${name}_plugin PRIVATE cxx_std_20)
  # A unique symbol makes the loader keep a plugin for ever and hand old code to its successor;
  # clang emits none and has no such option.
  target_compile_options(${name}_plugin PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${name}_plugin PRIVATE
    -Wl,--version-script,${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map
    -Wl,-z,now -Wl,-z,relro -Wl,--build-id -Wl,--as-needed -Wl,--exclude-libs,ALL)
  # A sanitizer's runtime is undefined in a plugin until the program brings it.
  if(NOT CALLERAPI_SANITIZE)
    target_link_options(${name}_plugin PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${name}_plugin PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX ".capi.so"
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  # A sanitizer's runtime exports symbols of its own.
  if(NOT CALLERAPI_SANITIZE)
    add_custom_command(TARGET ${name}_plugin POST_BUILD VERBATIM
      COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DFILE=$<TARGET_FILE:${name}_plugin>
        -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_exports.cmake)
  endif()
endfunction()
