/* What is handed over as a descriptor cannot change any more, and what still
 * could is not taken. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gw/memfd.h"
#include "gw/util.h"

static int
memory(unsigned flags, int seals)
{
	int fd = memfd_create("test", flags);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, "abc", 3), 3);
	if (seals != 0)
		cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

Test(memfd, what_could_change_is_refused)
{
	static const int seals[] = { 0, F_SEAL_WRITE,
				     F_SEAL_WRITE | F_SEAL_GROW,
				     F_SEAL_WRITE | F_SEAL_SHRINK,
				     F_SEAL_GROW | F_SEAL_SHRINK };
	int pair[2], fd;

	for (size_t i = 0; i < GW_COUNT(seals); i++) {
		fd = memory(MFD_ALLOW_SEALING, seals[i]);
		cr_expect_not(gw_memfd_check(fd, 3), "seals %d", seals[i]);
		close(fd);
	}
	cr_assert_eq(pipe(pair), 0);
	cr_expect_not(gw_memfd_check(pair[0], 0), "a pipe");
	close(pair[0]);
	close(pair[1]);
	fd = open("/dev/null", O_RDONLY);
	cr_expect_not(gw_memfd_check(fd, 0), "a device");
	close(fd);
	cr_expect_not(gw_memfd_check(-1, 0), "nothing");
}

Test(memfd, new_is_sealed)
{
	struct gw_error err;
	char got[4] = "";
	int fd = -1;

	cr_assert_eq(gw_memfd_new("abc", 3, &fd, &err), GW_ERR_OK);
	cr_expect(gw_memfd_check(fd, 3));
	cr_expect_not(gw_memfd_check(fd, 2), "another size");
	cr_expect_not(gw_memfd_check(fd, 4), "another size");
	cr_expect_eq(read(fd, got, sizeof(got)), 3, "from its start");
	cr_expect_str_eq(got, "abc");
	cr_expect_lt(write(fd, "d", 1), 0);
	cr_expect_lt(ftruncate(fd, 0), 0);
	cr_expect_eq(mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
		     MAP_FAILED);
	close(fd);
}
