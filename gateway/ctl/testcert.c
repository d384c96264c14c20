/* testcert.c — see testcert.h. */
#include "testcert.h"
#include "gw/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "gwd-testcert"

enum { UNUSABLE = 2 };

bool
gw_ctl_is_offline(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--offline") == 0)
			return true;
	return false;
}

/* Beside gwctl (a build tree), else where it is installed. */
static char *
find_program(void)
{
	char own[4096];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[n > 0 ? n : 0] = '\0';
	slash = strrchr(own, '/');
	if (slash != NULL) {
		char *path;

		*slash = '\0';
		path = gw_xasprintf("%s/" PROGRAM, own);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return gw_xstrdup(GWD_LIBEXECDIR "/" PROGRAM);
}

int
gw_ctl_testcert(int argc, char **argv)
{
	gw_auto(free) char *path = NULL;
	char **words;

	path = find_program();
	words = gw_xcalloc((size_t)argc + 2, sizeof(*words));
	words[0] = path;
	memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
	(void)execv(path, words);
	fprintf(stderr, "gwctl: %s: %s\n", path, strerror(errno));
	free(words);
	return UNUSABLE;
}
