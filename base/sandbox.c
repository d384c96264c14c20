/* sandbox.c — see gw/sandbox.h. Landlock has no wrapper in libc; the three
 * system calls are made by number (landlock(7)). */
#include "gw/sandbox.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | \
		     LANDLOCK_ACCESS_FS_READ_DIR)
/* Plain files only: what a database with its log does. */
#define WRITE_ACCESS (READ_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		      LANDLOCK_ACCESS_FS_MAKE_REG | \
		      LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Everything the first Landlock ABI can forbid. */
#define ALL_ACCESS  ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static enum gw_err
failed(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_SYSTEM, "%s: %s", what, strerror(errno));
}

static enum gw_err
allow(int ruleset, const char *path, uint64_t access, struct gw_error *err)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	long rc;

	if (rule.parent_fd < 0)
		return GW_ERR_OK; /* what is not there cannot be used */
	rc = syscall(SYS_landlock_add_rule, ruleset,
		     LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (rc != 0 && errno == EINVAL) { /* a file, not a directory */
		rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
		rc = syscall(SYS_landlock_add_rule, ruleset,
			     LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(rule.parent_fd);
	return rc == 0 ? GW_ERR_OK : failed(err, path);
}

static enum gw_err
restrict_files(const char *const *readable, const char *writable,
	       struct gw_error *err)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = ALL_ACCESS,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
				   sizeof(attr), 0);
	enum gw_err rc = GW_ERR_OK;

	if (ruleset < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP
			       ? GW_ERR_OK
			       : failed(err, "landlock");
	while (readable != NULL && *readable != NULL && rc == GW_ERR_OK)
		rc = allow(ruleset, *readable++, READ_ACCESS, err);
	if (writable != NULL && rc == GW_ERR_OK)
		rc = allow(ruleset, writable, WRITE_ACCESS, err);
	if (rc == GW_ERR_OK &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = failed(err, "landlock_restrict_self");
	close(ruleset);
	return rc;
}

enum gw_err
gw_sandbox_enter(const struct gw_sandbox *s, struct gw_error *err)
{
	static const struct rlimit none = { 0, 0 };
	enum gw_err rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(err, "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    setrlimit(RLIMIT_CORE, &none) != 0)
		return failed(err, "no core dumps");
	rc = restrict_files(s->readable, s->writable, err);
	return rc == GW_ERR_OK ? gw_syscalls_give_up(s->may_accept, err) : rc;
}
