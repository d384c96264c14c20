/* What a resolver put where Landlock does not let us look. In a process of its
 * own, locked in as gwd-kdc is. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw/sandbox.h"
#include "gw/util.h"
#include "reach.h"

static char top[64], within[96], without[96];

static void
put(const char *dir, const char *name, mode_t mode)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	cr_assert(fd >= 0 && write(fd, "nameserver ::1\n", 15) == 15);
	close(fd);
}

static void
lead(const char *name, const char *to_dir, const char *to)
{
	char path[160], where[160];

	snprintf(path, sizeof(path), "%s/%s", within, name);
	snprintf(where, sizeof(where), "%s/%s", to_dir, to);
	cr_assert_eq(symlink(where, path), 0);
}

static void
setup(void)
{
	snprintf(top, sizeof(top), "/tmp/gwd-reach-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	snprintf(within, sizeof(within), "%s/etc", top);
	snprintf(without, sizeof(without), "%s/run", top);
	cr_assert(mkdir(within, 0755) == 0 && mkdir(without, 0755) == 0);
	put(within, "plain", 0644);
	put(without, "late", 0644);
	put(without, "secret", 0);
	lead("leads-there", without, "late");
	lead("leads-to-secret", without, "secret");
	lead("leads-nowhere", without, "none");
}

static const struct {
	const char *name;
	bool is_told;
} files[] = {
	{ "leads-there", true },
	{ "plain", false },
	{ "none", false },
	{ "leads-nowhere", false },
	{ "leads-to-secret", false },
};

/* The number of the first that is told otherwise, from 1. */
static int
check_all(void)
{
	bool is_root = geteuid() == 0; /* to whom nothing is secret */
	struct gw_error err;
	char path[160];

	for (size_t i = 0; i < GW_COUNT(files); i++) {
		bool want = files[i].is_told ||
			    (is_root && strstr(files[i].name, "secret"));

		snprintf(path, sizeof(path), "%s/%s", within, files[i].name);
		if ((gw_reach_check(path, &err) != GW_ERR_OK) != want ||
		    (want && strstr(err.detail, without) == NULL))
			return (int)i + 1;
	}
	return 0;
}

static int
locked_in(void)
{
	const char *const readable[] = { within, NULL };
	const struct gw_sandbox s = { .readable = readable };
	struct gw_error err;

	return gw_sandbox_enter(&s, &err) == GW_ERR_OK ? check_all() : 100;
}

static void
clear(void)
{
	static const char *const names[] = {
		"etc/plain", "etc/leads-there", "etc/leads-to-secret",
		"etc/leads-nowhere", "run/late", "run/secret",
	};
	char path[160];

	for (size_t i = 0; i < GW_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		unlink(path);
	}
	rmdir(within);
	rmdir(without);
	rmdir(top);
}

Test(reach, what_a_start_would_cure)
{
	static const struct {
		const char *name;
		bool is;
	} cases[] = { { "leads-there", true }, { "plain", false },
		      { "leads-nowhere", false }, { "none", false } };
	char path[160], like[97];
	const char *const dirs[] = { "/nowhere", without, NULL };
	const char *const others[] = { like, NULL };

	setup();
	snprintf(like, sizeof(like), "%.*s", (int)strlen(without) - 1, without);
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		snprintf(path, sizeof(path), "%s/%s", within, cases[i].name);
		cr_expect_eq(gw_reach_is_below(path, dirs), cases[i].is, "%s",
			     cases[i].name);
		cr_expect_not(gw_reach_is_below(path, others), "%s",
			      cases[i].name);
	}
	clear();
}

Test(reach, what_landlock_keeps_from_us)
{
	int status = -1;
	pid_t pid;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION) < 0)
		cr_skip_test("no Landlock here");
	setup();
	pid = fork();
	if (pid == 0)
		_exit(locked_in());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	clear();
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "case %d", WEXITSTATUS(status));
}
