# Builds one service plugin, <name>.capi.so. The same function serves this tree and, after
# find_package(CallerAPI COMPONENTS sdk), the trees of the teams.
#   callerapi_add_plugin(billing SOURCES billing.cpp [LIBRARIES ...] [CONTRACT billing.hpp ...])
# The target is billing_plugin. A tree that is built with -fsanitize sets CALLERAPI_SANITIZE.
# With CONTRACT, the headers that callers include, `cmake --install` gives them to callers as the CMake
# package callerapi-billing: find_package(callerapi-billing), then link callerapi-billing::contract and
# include <callerapi-plugins/billing/billing.hpp>. Install component `contract`; the plugin itself is in
# component `plugin`, in lib/callerapi/plugins.
function(callerapi_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES;CONTRACT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "callerapi_add_plugin(${name} SOURCES ... [LIBRARIES ...] [CONTRACT ...]): "
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
  if(arg_CONTRACT)
    callerapi_install_contract(${name} ${arg_CONTRACT})
  endif()
endfunction()

# What a plugin's callers need, and the plugin, as an installed package.
function(callerapi_install_contract name)
  include(GNUInstallDirs)
  set(package callerapi-${name})
  add_library(${package} INTERFACE)
  target_link_libraries(${package} INTERFACE CallerAPI::sdk)
  target_include_directories(${package} INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${package} PROPERTIES EXPORT_NAME contract)
  install(TARGETS ${package} EXPORT ${package} COMPONENT contract)
  install(EXPORT ${package} NAMESPACE ${package}:: FILE ${package}-targets.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/${package} COMPONENT contract)
  install(FILES ${ARGN}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/callerapi-plugins/${name} COMPONENT contract)
  set(config ${CMAKE_CURRENT_BINARY_DIR}/${package}-config.cmake)
  file(WRITE ${config} "include(CMakeFindDependencyMacro)\n"
    "find_dependency(CallerAPI COMPONENTS sdk)\n"
    "include(\${CMAKE_CURRENT_LIST_DIR}/${package}-targets.cmake)\n")
  install(FILES ${config} DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/${package} COMPONENT contract)
  # A folder that others may write to makes the loader refuse what lies in it, whatever the umask.
  install(TARGETS ${name}_plugin
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/callerapi/plugins COMPONENT plugin
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()
