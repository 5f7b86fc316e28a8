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

function(smslab_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(smslab_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(smslab_${name} PUBLIC smslab_flags ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
endfunction()

# smslab_test(NAME SOURCES ... LIBS ...): one test program; ctest runs it as a whole.
function(smslab_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_test ${TEST_SOURCES})
  target_link_libraries(${name}_test PRIVATE smslab_flags ${TEST_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE SMSLAB_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
