# One library a room. smslab_room(NAME SOURCES ... PUBLIC ... PRIVATE ...): PUBLIC is what the room's headers need.
add_library(smslab_flags INTERFACE)
target_include_directories(smslab_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(smslab_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_link_libraries(smslab_flags INTERFACE Threads::Threads)
if(SMSLAB_SANITIZE)
  add_compile_options(-fsanitize=${SMSLAB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SMSLAB_SANITIZE})
endif()

# Presets with CMAKE_UNITY_BUILD (all but release) compile several files of a target as one, in half the time. Not those whose files use
# the same names, each for itself.
set(SMSLAB_APART schema mp_cli ccm dav fault wire codec_test control_test dp_test store_test wire_test fault_test crash_points_test)
function(smslab_apart target name)
  if(name IN_LIST SMSLAB_APART)
    set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  endif()
endfunction()

# Rooms that parse what strangers send, or what a disk gives back, are built for libFuzzer too, where there are fuzz targets (tests/fuzz): it steers
# by what they compare and where they branch.
set(SMSLAB_FUZZED_ROOMS base codec ccm dav wire store)

function(smslab_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(smslab_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(smslab_${name} PUBLIC smslab_flags ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  smslab_apart(smslab_${name} ${name})
  # To g++ a file that is compiled with others is a header, whose classes should not hold what is the file's own.
  target_compile_options(smslab_${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  if(SMSLAB_FUZZ AND name IN_LIST SMSLAB_FUZZED_ROOMS)
    target_compile_options(smslab_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# smslab_test(NAME SOURCES ... LIBS ...): one test program; ctest runs it as a whole.
function(smslab_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_test ${TEST_SOURCES})
  target_link_libraries(${name}_test PRIVATE smslab_flags ${TEST_LIBS} GTest::gmock GTest::gtest_main)
  smslab_apart(${name}_test ${name}_test)
  target_compile_definitions(${name}_test PRIVATE SMSLAB_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

# smslab_fuzz(NAME [SOURCES ...] LIBS ...): one libFuzzer target, which scripts/fuzz runs; <name>_fuzz.cc and SOURCES.
function(smslab_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_fuzz ${name}_fuzz.cc ${FUZZ_SOURCES})
  target_link_libraries(${name}_fuzz PRIVATE smslab_flags ${FUZZ_LIBS} -fsanitize=fuzzer)
  add_dependencies(fuzz ${name}_fuzz)
endfunction()
