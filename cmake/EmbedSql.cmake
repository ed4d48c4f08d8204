# embed_sql(TARGET HEADER NAMESPACE TYPE INCLUDE FILES...)
# Generates HEADER (path as included, e.g. store/queries.hpp) at build time: in NAMESPACE one constant for each file, named after it
# (characters that no identifier has become _, and a leading digit gets an f), and `all`, an array of them by file name. TYPE is an
# aggregate of two std::string_view, the file's stem and its text; INCLUDE declares it.
set(EMBED_SQL_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedSqlScript.cmake)

function(embed_sql target)
  cmake_parse_arguments(arg "" "HEADER;NAMESPACE;TYPE;INCLUDE" "FILES" ${ARGN})
  set(root ${CMAKE_CURRENT_BINARY_DIR}/embedded)
  set(output ${root}/${arg_HEADER})
  list(SORT arg_FILES)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMESPACE=${arg_NAMESPACE} -DTYPE=${arg_TYPE} -DINCLUDE=${arg_INCLUDE}
            "-DFILES=${arg_FILES}" -P ${EMBED_SQL_SCRIPT}
    DEPENDS ${arg_FILES} ${EMBED_SQL_SCRIPT} VERBATIM)
  string(MAKE_C_IDENTIFIER ${target}_${arg_HEADER} generator)
  add_custom_target(${generator} DEPENDS ${output})
  get_target_property(kind ${target} TYPE)
  if(kind STREQUAL INTERFACE_LIBRARY)
    target_include_directories(${target} INTERFACE ${root})
  else()
    target_sources(${target} PRIVATE ${output})
    target_include_directories(${target} PUBLIC ${root})
  endif()
  add_dependencies(${target} ${generator})
endfunction()
