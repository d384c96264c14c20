/* e2e_separation.c — three processes, three users, three sets of libraries;
 * none of them can do what is another's. Looked up in /proc, not believed. */
#include "gate.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(separation, .timeout = 30);

static const char *const names[] = { "gwd-proxy", "gwd-auth", "gwd-kdc" };

static pid_t
pid_of(const char *name)
{
	pid_t pid = gate_pid(NULL, name);

	if (pid == 0)
		cr_assert_fail("%s is not up", name);
	return pid;
}

/* The first number after `key` in /proc/PID/status, of the given base. */
static long long
status_of(pid_t pid, const char *key, int base)
{
	const char *p = strstr(slurp(text("/proc/%d/status", (int)pid)),
			       text("\n%s:", key));

	if (p == NULL)
		cr_assert_fail("no %s of %d", key, (int)pid);
	return strtoll(p + strlen(key) + 2, NULL, base);
}

Test(separation, three_users)
{
	long long uid[GW_COUNT(names)];

	for (size_t i = 0; i < GW_COUNT(names); i++) {
		uid[i] = status_of(pid_of(names[i]), "Uid", 10);
		cr_expect_neq(uid[i], 0, "%s is root", names[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(uid[i], uid[j], "%s and %s: %lld",
				      names[i], names[j], uid[i]);
	}
}

Test(separation, no_way_back)
{
	static const struct {
		const char *key;
		long long wanted;
	} cases[] = { { "NoNewPrivs", 1 }, { "Seccomp", 2 },
		      { "CapEff", 0 }, { "CapPrm", 0 },
		      { "CapInh", 0 }, { "CapAmb", 0 } };

	for (size_t i = 0; i < GW_COUNT(names); i++)
		for (size_t j = 0; j < GW_COUNT(cases); j++) {
			long long got = status_of(pid_of(names[i]),
						  cases[j].key, 16);

			cr_expect_eq(got, cases[j].wanted,
				     "%s, %s: got %lld, wanted %lld", names[i],
				     cases[j].key, got, cases[j].wanted);
		}
}

/* ---- libraries */

static const struct link_case {
	const char *program;
	const char *never[8];
} links[] = {
	{ "gwd-proxy", { "libkrb5", "libgssapi", "libldap", "liblber",
			 "libsasl" } },
	{ "gwd-auth", { "libkrb5", "libgssapi", "libldap", "liblber",
			"libmicrohttpd", "libssl" } },
	{ "gwd-kdc", { "libmicrohttpd", "libsqlite" } },
};

Test(separation, libraries)
{
	for (size_t i = 0; i < GW_COUNT(links); i++) {
		const struct link_case *c = &links[i];
		char *maps = slurp(text("/proc/%d/maps",
					(int)pid_of(c->program)));
		char *exe = realpath(text("/proc/%d/exe",
					  (int)pid_of(c->program)), NULL);
		struct output ldd = RUN(60000, "ldd", exe != NULL ? exe : "?");

		cr_expect(contains(ldd.out, "libc.so"), "ldd %s: %s",
			  c->program, ldd.err);
		cr_expect(contains(maps, "libc.so"), "maps of %s",
			  c->program);
		for (size_t j = 0; c->never[j] != NULL; j++)
			cr_expect(!contains(ldd.out, c->never[j]) &&
				  !contains(maps, c->never[j]),
				  "%s has %s", c->program, c->never[j]);
	}
}

/* ---- the keytab */

/* errno of opening a file as that user, 0 when it can be read. */
static int
open_as(uid_t uid, const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
		    setresuid(uid, uid, uid) != 0)
			_exit(255);
		_exit(open(path, O_RDONLY) >= 0 ? 0 : errno);
	}
	gw_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

Test(separation, keytab_is_out_of_reach)
{
	const char *const secrets[] = { lab("KEYTAB"), conf_value("key") };

	for (size_t i = 0; i < GW_COUNT(names); i++)
		for (size_t j = 0; j < GW_COUNT(secrets); j++) {
			uid_t uid = (uid_t)status_of(pid_of(names[i]), "Uid",
						     10);
			int err = open_as(uid, secrets[j]);

			cr_expect_eq(err, EACCES, "%s opens %s: %s", names[i],
				     secrets[j], strerror(err));
		}
}

/* Nor does the proxy have it from before: no descriptor leads to it. */
Test(separation, no_descriptor_leads_to_a_file)
{
	for (size_t i = 0; i < GW_COUNT(names); i++) {
		char *dir = text("/proc/%d/fd", (int)pid_of(names[i]));
		DIR *d = opendir(dir);
		struct dirent *e;

		cr_assert(d != NULL, "%s", dir);
		while ((e = readdir(d)) != NULL) {
			char to[512] = "";

			(void)!readlink(text("%s/%s", dir, e->d_name), to,
					sizeof(to) - 1);
			cr_expect(!contains(to, "keytab") &&
				  !contains(to, ".key"), "%s holds %s",
				  names[i], to);
		}
		closedir(d);
	}
}

/* ---- sockets */

/* Whether the socket with that inode listens (state 0A). */
static bool
listens(const char *table, const char *inode)
{
	char *rest = NULL;

	for (char *l = strtok_r(slurp(table), "\n", &rest); l != NULL;
	     l = strtok_r(NULL, "\n", &rest)) {
		char state[8] = "", found[32] = "";

		if (sscanf(l, " %*s %*s %*s %7s %*s %*s %*s %*s %*s %31s",
			   state, found) == 2 &&
		    strcmp(found, inode) == 0 && strcmp(state, "0A") == 0)
			return true;
	}
	return false;
}

static size_t
count_listening(pid_t pid)
{
	char *dir = text("/proc/%d/fd", (int)pid);
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	gw_assert(d != NULL);
	while ((e = readdir(d)) != NULL) {
		char to[128] = "", inode[32];

		(void)!readlink(text("%s/%s", dir, e->d_name), to,
				sizeof(to) - 1);
		if (sscanf(to, "socket:[%31[0-9]]", inode) == 1)
			n += listens("/proc/net/tcp", inode) ||
			     listens("/proc/net/tcp6", inode);
	}
	closedir(d);
	return n;
}

Test(separation, only_the_proxy_listens)
{
	cr_expect_eq(count_listening(pid_of("gwd-auth")), 0, "gwd-auth");
	cr_expect_eq(count_listening(pid_of("gwd-kdc")), 0, "gwd-kdc");
	cr_expect_gt(count_listening(pid_of("gwd-proxy")), 0, "gwd-proxy");
}

/* None of them can be looked into by one of the same user. */
Test(separation, not_dumpable)
{
	for (size_t i = 0; i < GW_COUNT(names); i++) {
		pid_t pid = pid_of(names[i]);
		uid_t uid = (uid_t)status_of(pid, "Uid", 10);
		int err = open_as(uid, text("/proc/%d/mem", (int)pid));

		cr_expect(err == EACCES || err == EPERM,
			  "the user of %s reads its memory: %s", names[i],
			  strerror(err));
	}
}
