# sfu_cython_module(NAME SOURCE PACKAGE): builds NAME from a .pyx, linked with libsfu, into folder PACKAGE.
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)

function(sfu_cython_module name source package)
  get_filename_component(source ${source} ABSOLUTE)
  string(REPLACE "/" "." target "${package}.${name}")
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/cython/${package}/${name}.c)
  get_filename_component(generated_dir ${generated} DIRECTORY)
  file(MAKE_DIRECTORY ${generated_dir})
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${Python_EXECUTABLE} -m cython -3 --module-name ${target} -I
            ${CMAKE_CURRENT_SOURCE_DIR} --depfile -o ${generated} ${source}
    DEPFILE ${generated}.dep
    DEPENDS ${source}
    COMMENT "Cython ${target}"
    VERBATIM)
  Python_add_library(${target} MODULE WITH_SOABI ${generated})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} C_STANDARD 11)
  target_link_libraries(${target} PRIVATE libsfu)
  target_compile_options(${target} PRIVATE -Wno-unused -Wno-deprecated-declarations)
  if(SFU_INPLACE)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${SFU_INPLACE}/${package})
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION ${package})
endfunction()
