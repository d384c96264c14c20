/* namefiles.c — see namefiles.h. */
#include "namefiles.h"
#include "gw/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct one {
	char *path;
	struct stat seen; /* zeroed: not there */
	struct gw_file file;
};

struct gw_namefiles {
	struct one v[GW_NAMEFILES];
	bool was_read;
};

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
cut_to_lines(struct one *x)
{
	const uint8_t *nl;

	if (x->file.len < GW_FILE_MAX)
		return;
	nl = memrchr(x->file.data, '\n', x->file.len);
	x->file.len = nl != NULL ? (size_t)(nl - x->file.data) + 1 : 0;
	gw_event(GW_LOG_WARN, "names-cut", "path", x->path, "bytes",
		 GW_NUM(x->file.len), NULL);
}

static void
read_one(struct one *x)
{
	int fd = open(x->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	x->file.len = 0;
	while (fd >= 0 && x->file.len < GW_FILE_MAX &&
	       (n = read(fd, x->file.data + x->file.len,
			 GW_FILE_MAX - x->file.len)) > 0)
		x->file.len += (size_t)n;
	gw_close(&fd);
	cut_to_lines(x);
}

static struct stat
look_at(const char *path)
{
	struct stat st = { .st_ino = 0 };

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		memset(&st, 0, sizeof(st));
	return st;
}

bool
gw_namefiles_look(struct gw_namefiles *n)
{
	bool is_new = !n->was_read;

	n->was_read = true;
	for (size_t i = 0; i < GW_NAMEFILES; i++) {
		struct one *x = &n->v[i];
		struct stat st = look_at(x->path);

		if (is_same(&st, &x->seen) && x->file.data != NULL)
			continue;
		is_new = true;
		x->seen = st;
		if (x->file.data == NULL)
			x->file.data = gw_xcalloc(GW_FILE_MAX, 1);
		read_one(x);
	}
	return is_new;
}

const struct gw_file *
gw_namefiles_get(const struct gw_namefiles *n, size_t i)
{
	return &n->v[i].file;
}

struct gw_namefiles *
gw_namefiles_new(const char *resolv_conf, const char *hosts)
{
	struct gw_namefiles *n = gw_xcalloc(1, sizeof(*n));
	const char *const names[] = { GW_RESOLV_CONF, GW_HOSTS };

	n->v[0].path = gw_xstrdup(resolv_conf);
	n->v[1].path = gw_xstrdup(hosts);
	for (size_t i = 0; i < GW_NAMEFILES; i++) {
		n->v[i].file.purpose = GW_FILE_NAMES;
		gw_assert(gw_copy(n->v[i].file.name, GW_NAME_MAX, names[i]));
	}
	return n;
}

void
gw_namefiles_free(struct gw_namefiles *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < GW_NAMEFILES; i++) {
		free(n->v[i].path);
		gw_file_clear(&n->v[i].file);
	}
	free(n);
}
