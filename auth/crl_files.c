/* crl_files.c — the files in which the store keeps its lists: NAME.crl, named
 * by the digest of the place, and NAME.new until a list has been judged. */
#include "crl_store_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OLD_S (30 * 86400) /* files of no use any more */

static void
file_name(const struct place *p, const char *suffix, char out[NAME_LEN + 4])
{
	gw_format(out, NAME_LEN + 4, "%s%s", p->file, suffix);
}

int
gw_crl_file_new(const struct place *p)
{
	char name[NAME_LEN + 4];

	file_name(p, ".new", name);
	/* never one that may still be mapped */
	(void)unlinkat(p->store->dir, name, 0);
	return openat(p->store->dir, name,
		      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int
gw_crl_file_open(const struct place *p)
{
	char name[NAME_LEN + 4];

	file_name(p, ".crl", name);
	return openat(p->store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

void
gw_crl_file_publish(const struct place *p)
{
	char from[NAME_LEN + 4], to[NAME_LEN + 4];
	int dir = p->store->dir;

	file_name(p, ".new", from);
	file_name(p, ".crl", to);
	if (renameat(dir, from, dir, to) != 0)
		gw_event(GW_LOG_ERR, "crl-not-kept", "place", p->name, "why",
			 strerror(errno), NULL);
}

static void
remove_file(const struct place *p, const char *suffix)
{
	char name[NAME_LEN + 4];

	file_name(p, suffix, name);
	(void)unlinkat(p->store->dir, name, 0);
}

void
gw_crl_file_remove_new(const struct place *p)
{
	remove_file(p, ".new");
}

void
gw_crl_file_remove(const struct place *p)
{
	remove_file(p, ".crl");
}

/* ---- the directory */

static bool
is_leftover(int dir, const char *name, time_t now)
{
	size_t len = strlen(name);
	struct stat st;

	if (len < 4 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	return strcmp(name + len - 4, ".new") == 0 ||
	       (strcmp(name + len - 4, ".crl") == 0 &&
		now - st.st_mtime > OLD_S);
}

static void
clean_up(struct gw_crl_store *s)
{
	DIR *d = opendir(s->c.dir);
	struct dirent *e;
	time_t now = gw_crl_now(s);

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_leftover(s->dir, e->d_name, now))
			(void)unlinkat(s->dir, e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

void
gw_crl_files_open(struct gw_crl_store *s)
{
	s->dir = open(s->c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		gw_event(GW_LOG_ERR, "crl-directory", "path", s->c.dir, "why",
			 strerror(errno), NULL);
	else
		clean_up(s);
}
