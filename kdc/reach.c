/* reach.c — see reach.h. */
#include "reach.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const gw_reach_dirs[] = {
	"/etc", "/run/systemd/resolve", "/run/NetworkManager",
	"/run/resolvconf", "/usr/share/zoneinfo", "/dev/urandom", "/lib",
	"/usr/lib", NULL,
};

/* access(2) is not Landlock's affair: it tells what the file's mode says. */
static bool
is_locked_out(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_refused = fd < 0 && errno == EACCES;

	gw_close(&fd);
	return is_refused && access(path, R_OK) == 0;
}

enum gw_err
gw_reach_check(const char *path, struct gw_error *err)
{
	char *to;

	if (!is_locked_out(path))
		return GW_ERR_OK;
	to = realpath(path, NULL);
	(void)gw_fail(err, GW_ERR_FILE,
		      "%s leads to %.80s, which gwd-kdc may not read", path,
		      to != NULL ? to : "what has gone");
	free(to);
	return GW_ERR_FILE;
}

bool
gw_reach_is_below(const char *path, const char *const *dirs)
{
	char *to = realpath(path, NULL);
	bool is = false;

	for (; to != NULL && *dirs != NULL; dirs++) {
		size_t len = strlen(*dirs);

		is = is || (strncmp(to, *dirs, len) == 0 && to[len] == '/');
	}
	free(to);
	return is;
}
