# One floor of the house: an object library named callerapi_<name>, built from src/<name>.
# Sources are listed, so that a new file is a reviewed line.
#   callerapi_floor(wire SOURCES reader.cpp writer.cpp LIBRARIES Poco::Net)
function(callerapi_floor name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "callerapi_floor(${name} SOURCES ... [LIBRARIES ...]): "
                        "unexpected or missing arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(TRANSFORM arg_SOURCES PREPEND src/${name}/)
  add_library(callerapi_${name} OBJECT ${arg_SOURCES})
  target_include_directories(callerapi_${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/framework/include ${PROJECT_SOURCE_DIR}/framework/src)
  target_compile_definitions(callerapi_${name} PRIVATE CALLERAPI_BUILDING)
  target_link_libraries(callerapi_${name} PRIVATE callerapi_options ${arg_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY CALLERAPI_FLOORS ${name})
  set_property(GLOBAL APPEND PROPERTY CALLERAPI_LIBRARIES ${arg_LIBRARIES})
endfunction()
