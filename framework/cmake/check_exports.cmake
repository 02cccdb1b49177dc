# A plugin exports callerapi_plugin_v0, a constant, and nothing else: whatever else it showed could be
# bound to another plugin's symbol of the same name, or keep it from being unloaded.
#   cmake -DNM=nm -DFILE=billing.capi.so -P check_exports.cmake
execute_process(COMMAND ${NM} --dynamic --defined-only ${FILE}
  OUTPUT_VARIABLE symbols RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
if(failed)
  message(FATAL_ERROR "${FILE}: ${NM} cannot read it (${failed})")
endif()
if(NOT symbols MATCHES "^[0-9a-f]+ [DR] callerapi_plugin_v0$")
  file(REMOVE ${FILE})
  message(FATAL_ERROR "${FILE}: a plugin exports one data symbol, callerapi_plugin_v0, but this one "
    "exports:\n${symbols}\nIs CALLERAPI_PLUGIN(Type) in exactly one source file?")
endif()
