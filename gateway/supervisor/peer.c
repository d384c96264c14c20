/* peer.c — see peer.h. */
#include "peer.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG    16
#define GROUPS_MAX 1024

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool
somebody_answers(const struct sockaddr_un *sun)
{
	int fd = new_socket();
	bool yes = fd >= 0 && (connect(fd, (const void *)sun,
				       sizeof(*sun)) == 0 || errno == EAGAIN);

	gw_close(&fd);
	return yes;
}

static enum gw_err
clear_way(const struct sockaddr_un *sun, struct gw_error *err)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) != 0)
		return GW_ERR_OK;
	if (!S_ISSOCK(st.st_mode))
		return gw_fail(err, GW_ERR_CONF,
			       "socket: %s exists and is not a socket",
			       sun->sun_path);
	if (somebody_answers(sun))
		return gw_fail(err, GW_ERR_CONF,
			       "socket: %s: another gwd is running there",
			       sun->sun_path);
	if (unlink(sun->sun_path) != 0)
		return gw_fail(err, GW_ERR_CONF, "socket: %s: %s",
			       sun->sun_path, strerror(errno));
	return GW_ERR_OK;
}

/* The directory usually is systemd's RuntimeDirectory; made when started by
 * hand. Only the last component. */
static void
make_directory(const char *path)
{
	gw_auto(free) char *dir = gw_xstrdup(path);
	char *slash = strrchr(dir, '/');

	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	(void)mkdir(dir, 0755); /* bind(2) tells what is wrong */
}

static bool
bind_private(int fd, const struct sockaddr_un *sun)
{
	mode_t before = umask(0117); /* 0660, at once and not afterwards */
	bool ok = bind(fd, (const void *)sun, sizeof(*sun)) == 0;
	int saved = errno;

	umask(before);
	errno = saved;
	return ok;
}

enum gw_err
gw_peer_listen(const char *path, int *out_fd, struct gw_error *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	enum gw_err rc;
	int fd;

	if (!gw_copy(sun.sun_path, sizeof(sun.sun_path), path))
		return gw_fail(err, GW_ERR_CONF, "socket: path too long");
	make_directory(path);
	rc = clear_way(&sun, err);
	if (rc != GW_ERR_OK)
		return rc;
	fd = new_socket();
	if (fd < 0 || !bind_private(fd, &sun) || listen(fd, BACKLOG) != 0) {
		rc = gw_fail(err, GW_ERR_CONF, "socket: %s: %s", path,
			     strerror(errno));
		gw_close(&fd);
		return rc;
	}
	*out_fd = fd;
	return GW_ERR_OK;
}

/* The group of the socket's file, found by the name it was bound to. */
static bool
group_of(int listener, gid_t *out)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun);
	struct stat st;

	if (getsockname(listener, (void *)&sun, &len) != 0 ||
	    stat(sun.sun_path, &st) != 0)
		return false;
	*out = st.st_gid;
	return true;
}

static bool
is_member(int fd, gid_t group)
{
	static gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* fail closed: what cannot be found out is a no. */
bool
gw_peer_is_allowed(int fd, int listener)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	gid_t group;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	if (cred.uid == 0 || cred.uid == geteuid())
		return true;
	return group_of(listener, &group) &&
	       (cred.gid == group || is_member(fd, group));
}
