/* memfd.c — see gw/memfd.h; memfd_create(2), fcntl(2). */
#include "gw/memfd.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static int
write_all(int fd, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
seal(int fd)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		return errno;
	return fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0 ? 0 : errno;
}

enum gw_err
gw_memfd_new(const void *p, size_t len, int *out_fd, struct gw_error *err)
{
	int fd = memfd_create("gwd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int e = fd < 0 ? errno : write_all(fd, p, len);

	if (e == 0)
		e = seal(fd);
	if (e != 0) {
		gw_close(&fd);
		return gw_fail(err, GW_ERR_SYSTEM, "memfd: %s", strerror(e));
	}
	*out_fd = fd;
	return GW_ERR_OK;
}

/* fail closed: F_GET_SEALS fails on what is not such memory. */
bool
gw_memfd_check(int fd, size_t len)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size >= 0 && (uint64_t)st.st_size == len;
}
