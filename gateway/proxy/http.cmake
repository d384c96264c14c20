# The HTTP/1.1 codec: pure functions, linked into gwd-proxy only.
include_guard(GLOBAL)
add_library(gwhttp STATIC
	${CMAKE_CURRENT_LIST_DIR}/http_body.c
	${CMAKE_CURRENT_LIST_DIR}/http_char.c
	${CMAKE_CURRENT_LIST_DIR}/http_field.c
	${CMAKE_CURRENT_LIST_DIR}/http_head.c
	${CMAKE_CURRENT_LIST_DIR}/http_name.c
	${CMAKE_CURRENT_LIST_DIR}/http_target.c
	${CMAKE_CURRENT_LIST_DIR}/http_write.c)
target_include_directories(gwhttp PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(gwhttp PUBLIC gwbase)
