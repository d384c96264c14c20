/* check.c — see check.h. */
#include "check.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
gw_check_line(const struct gw_check *k, const char *section, size_t i,
	      const char *key)
{
	return gw_source_line(&k->s->src, section, i, key);
}

/* Relative paths start where the configuration file is. */
static char *
full_path(const struct gw_setup *s, const char *path)
{
	const char *slash = strrchr(s->path, '/');

	if (*path == '/' || slash == NULL)
		return gw_xstrdup(path);
	return gw_xasprintf("%.*s/%s", (int)(slash - s->path), s->path, path);
}

static const char *
read_all(int fd, struct gw_file *f)
{
	ssize_t n;

	f->data = gw_xcalloc(GW_FILE_MAX + 1, 1);
	while ((n = read(fd, f->data + f->len, GW_FILE_MAX + 1 - f->len)) > 0)
		f->len += (size_t)n;
	if (n < 0)
		return strerror(errno);
	return f->len > GW_FILE_MAX ? "larger than 60000 bytes" : NULL;
}

/* NULL, or what is wrong with the file. */
static const char *
open_and_read(const char *path, bool is_secret, struct gw_file *f)
{
	/* not blocked by a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0)
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "not a regular file";
	else if (is_secret && (st.st_mode & 07) != 0)
		wrong = "open to every user of this machine; "
			"take that away (chmod o= FILE)";
	else
		wrong = read_all(fd, f);
	gw_close(&fd);
	return wrong;
}

bool
gw_check_load(struct gw_check *k, int line, const char *key, const char *path,
	      struct gw_file *out)
{
	bool is_secret = out->purpose == GW_FILE_SERVER_KEY ||
			 out->purpose == GW_FILE_KEYTAB;
	gw_auto(free) char *full = full_path(k->s, path);
	const char *wrong = open_and_read(full, is_secret, out);

	if (wrong == NULL)
		return true;
	gw_file_clear(out);
	return gw_complain(k->c, line, "%s: %s: %s", key, full, wrong);
}
