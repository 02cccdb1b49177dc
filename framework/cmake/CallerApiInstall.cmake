# Where `cmake --install` puts things, and the package that consumers find. Three components:
#   sdk        headers, contracts of the shipped plugins, the CMake package: what a plugin is built with
#   callerapi  the shared library, the program, the shipped plugins
#   demo       the services of the document platform and the registry that `callerapi demo` starts from
# Everything is relative to the prefix, so that an installed tree may be moved as a whole.
include(CMakePackageConfigHelpers)

set(CALLERAPI_PLUGINDIR ${CMAKE_INSTALL_LIBDIR}/callerapi/plugins)
set(CALLERAPI_PACKAGEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/CallerAPI)
set(CALLERAPI_DATADIR ${CMAKE_INSTALL_DATADIR}/callerapi)

# The loader refuses a plugin in a folder that others may write to, whatever the installer's umask.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# Ways between the installed folders, for RPATHs, for the demo and for callerapi.pc.
file(RELATIVE_PATH CALLERAPI_BIN_TO_LIB ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH CALLERAPI_BIN_TO_DATA
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/callerapi)
file(RELATIVE_PATH CALLERAPI_PC_TO_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" CALLERAPI_PC_TO_PREFIX "${CALLERAPI_PC_TO_PREFIX}")

# A program that finds the library from where it lies: callerapi_install_program(target component).
# Further arguments go to install(TARGETS).
function(callerapi_install_program target component)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${CALLERAPI_BIN_TO_LIB}")
  install(TARGETS ${target} ${ARGN} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
endfunction()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/CallerAPIConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/CallerAPIConfig.cmake
  INSTALL_DESTINATION ${CALLERAPI_PACKAGEDIR}
  PATH_VARS CALLERAPI_PLUGINDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/CallerAPIConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/callerapi.pc.in ${PROJECT_BINARY_DIR}/package/callerapi.pc @ONLY)

install(FILES
  ${PROJECT_BINARY_DIR}/package/CallerAPIConfig.cmake
  ${PROJECT_BINARY_DIR}/package/CallerAPIConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/CallerApiPlugin.cmake
  ${CMAKE_CURRENT_LIST_DIR}/check_exports.cmake
  ${CMAKE_CURRENT_LIST_DIR}/plugin.map
  DESTINATION ${CALLERAPI_PACKAGEDIR} COMPONENT sdk)
install(EXPORT callerapi_sdk NAMESPACE CallerAPI:: FILE CallerAPI-sdk.cmake
  DESTINATION ${CALLERAPI_PACKAGEDIR} COMPONENT sdk)
install(EXPORT callerapi NAMESPACE CallerAPI:: FILE CallerAPI-callerapi.cmake
  DESTINATION ${CALLERAPI_PACKAGEDIR} COMPONENT callerapi)
install(FILES ${PROJECT_BINARY_DIR}/package/callerapi.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT callerapi)
install(FILES ${PROJECT_SOURCE_DIR}/registry.toml DESTINATION ${CALLERAPI_DATADIR} COMPONENT demo)
