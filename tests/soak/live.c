/* live.c — preloaded into gwd-proxy by the soak: says, in memory it shares
 * with it, how many bytes are allocated and not freed. Resident memory says
 * less: allocators keep what was freed, AddressSanitizer for long on
 * purpose. */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define INTERVAL_US 100000

extern size_t __sanitizer_get_current_allocated_bytes(void)
	__attribute__((weak));

static size_t
live(void)
{
	if (__sanitizer_get_current_allocated_bytes != NULL)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks;
}

static void *
tell(void *arg)
{
	_Atomic size_t *shared = arg;

	for (;;) {
		atomic_store(shared, live());
		usleep(INTERVAL_US);
	}
	return NULL;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("GWD_SOAK_LIVE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	pthread_t thread;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(size_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	close(fd);
	if (p != MAP_FAILED)
		(void)pthread_create(&thread, NULL, tell, p);
}
