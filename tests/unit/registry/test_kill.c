/* test_kill.c — registry.db under a process that is killed at each of its
 * writes in turn, one after the other: in the middle of the write, before a
 * file is synced, cut or removed. Whatever was answered holds afterwards, and
 * what was under way is there as a whole or not at all. */
#include "registry.h"
#include "gw/util.h"
#include "pki.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRL_DIR    "/etc/gwd/crl"
#define WRITES_MAX 2000 /* more than there can be */

/* ---- a disk that kills who writes to it */

static int left; /* writes until then */
static sqlite3_vfs disk;
static const sqlite3_io_methods *real;
static sqlite3_io_methods deadly;

static bool
is_time(void)
{
	return --left == 0;
}

static int
deadly_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
	if (is_time()) {
		(void)real->xWrite(f, p, len / 2, at);
		raise(SIGKILL);
	}
	return real->xWrite(f, p, len, at);
}

static int
deadly_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	if (is_time())
		raise(SIGKILL);
	return real->xTruncate(f, size);
}

static int
deadly_sync(sqlite3_file *f, int flags)
{
	if (is_time())
		raise(SIGKILL);
	return real->xSync(f, flags);
}

static int
deadly_delete(sqlite3_vfs *v, const char *name, int wants_sync)
{
	sqlite3_vfs *unix_vfs = v->pAppData;

	if (is_time())
		raise(SIGKILL);
	return unix_vfs->xDelete(unix_vfs, name, wants_sync);
}

static int
deadly_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
	    int *out_flags)
{
	sqlite3_vfs *unix_vfs = v->pAppData;
	int rc = unix_vfs->xOpen(unix_vfs, name, f, flags, out_flags);

	if (rc != SQLITE_OK)
		return rc;
	real = f->pMethods;
	deadly = *real;
	deadly.xWrite = deadly_write;
	deadly.xTruncate = deadly_truncate;
	deadly.xSync = deadly_sync;
	f->pMethods = &deadly;
	return rc;
}

static void
use_deadly_disk(int writes)
{
	sqlite3_vfs *unix_vfs = sqlite3_vfs_find(NULL);

	left = writes;
	disk = *unix_vfs;
	disk.zName = "deadly";
	disk.pNext = NULL;
	disk.pAppData = unix_vfs;
	disk.xOpen = deadly_open;
	disk.xDelete = deadly_delete;
	if (sqlite3_vfs_register(&disk, 1) != SQLITE_OK)
		_exit(3);
}

/* ---- the place */

static char dir[] = "/tmp/gwd-kill-XXXXXX";
static char path[64], base[64];
static char *pems[3];
static char ids[3][GW_CA_ID_SIZE];
static struct gw_registry *reg;
static struct gw_refusal why;

enum { A, B, C };

static void
remove_files(const char *of)
{
	static const char *const ends[] = { "", "-wal", "-journal", "-shm" };
	char name[80];

	for (size_t i = 0; i < GW_COUNT(ends); i++) {
		gw_format(name, sizeof(name), "%s%s", of, ends[i]);
		(void)unlink(name);
	}
}

static bool
open_at(const char *where)
{
	struct gw_error err = { .code = GW_ERR_OK };

	if (gw_registry_open(where, CRL_DIR, time(NULL), &reg, &err) ==
	    GW_ERR_OK)
		return true;
	fprintf(stderr, "%s\n", err.detail);
	return false;
}

static void
close_it(void)
{
	gw_registry_free(reg);
	reg = NULL;
}

static bool
begin_register(int which)
{
	const char *pem = pems[which];
	struct gw_admin m = { .verb = GW_ADMIN_CA_REGISTER,
			      .pem = (const uint8_t *)pem,
			      .pem_len = strlen(pem) };
	const struct gw_ca *ca;

	if (!gw_settings_add(&m.settings, "ocsp_url", "http://ocsp/") ||
	    gw_registry_register(reg, &m, 1, &ca, &why) != GW_ADMIN_OK)
		return false;
	memcpy(ids[which], ca->id, GW_CA_ID_SIZE);
	return true;
}

static bool
settle(int which, enum gw_ca_state state)
{
	return gw_registry_settle(reg, ids[which], state, "", 1, &why) ==
	       GW_ADMIN_OK;
}

/* A and B are registered in `base`. */
static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	gw_format(path, sizeof(path), "%s/registry.db", dir);
	gw_format(base, sizeof(base), "%s/base.db", dir);
	for (int i = A; i <= C; i++)
		pems[i] = make_cert((struct made){ .name = "k" });
	cr_assert(open_at(base));
	cr_assert(begin_register(A) && settle(A, GW_CA_REGISTERED) &&
		  begin_register(B) && settle(B, GW_CA_REGISTERED));
	cr_assert(begin_register(C), "only for its id");
	close_it();
	remove_files(base);
	cr_assert(open_at(base));
	cr_assert(begin_register(A) && settle(A, GW_CA_REGISTERED) &&
		  begin_register(B) && settle(B, GW_CA_REGISTERED));
	close_it();
}

static void
finish(void)
{
	close_it();
	remove_files(path);
	remove_files(base);
	(void)rmdir(dir);
	for (int i = A; i <= C; i++)
		free(pems[i]);
}

TestSuite(kill, .init = begin, .fini = finish, .timeout = 120);

static void
copy_base(void)
{
	FILE *in = fopen(base, "re"), *out;
	char buf[4096];
	size_t n;

	remove_files(path);
	out = fopen(path, "we");
	cr_assert(in != NULL && out != NULL);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		cr_assert_eq(fwrite(buf, 1, n, out), n);
	fclose(in);
	fclose(out);
}

/* ---- what is done, and must hold */

static bool
do_open(void)
{
	return open_at(path);
}

static bool
do_register(void)
{
	return begin_register(C);
}

static bool
do_registered(void)
{
	return settle(C, GW_CA_REGISTERED);
}

/* Three values, which belong together. */
static bool
do_update(void)
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };

	memcpy(m.id, ids[C], GW_CA_ID_SIZE);
	return gw_settings_add(&m.settings, "relax", "lenient") &&
	       gw_settings_add(&m.settings, "relax", "ca-eku") &&
	       gw_settings_add(&m.settings, "max_depth", "2") &&
	       gw_registry_update(reg, &m, &why) == GW_ADMIN_OK;
}

static bool
do_deregister(void)
{
	return gw_registry_deregister(reg, ids[A], 1, &why) == GW_ADMIN_OK;
}

static bool
do_deregistered(void)
{
	return settle(A, GW_CA_DEREGISTERED);
}

static bool
do_disable(void)
{
	return gw_registry_set_client_auth(reg, false, 1, &why) ==
	       GW_ADMIN_OK;
}

static bool
do_close(void)
{
	close_it();
	return true;
}

enum { OPENED = 1, REGISTERING, REGISTERED, UPDATED, DEREGISTERING,
       DEREGISTERED, DISABLED, CLOSED };

static bool (*const steps[])(void) = {
	do_open, do_register, do_registered, do_update, do_deregister,
	do_deregistered, do_disable, do_close,
};

/* True for what must be, false for what must not; that which was under way
 * may be either. */
static void
check(const char *what, bool is, int done, int since)
{
	if (done >= since)
		cr_expect(is, "%s is lost; %d steps were done", what, done);
	else if (done < since - 1)
		cr_expect_not(is, "%s came too early, after %d steps", what,
			      done);
}

static enum gw_ca_state
state_of(int which)
{
	const struct gw_ca *ca = gw_registry_find(reg, ids[which]);

	return ca != NULL ? ca->state : GW_CA_STATE_COUNT;
}

static void
check_settings(int done)
{
	const struct gw_ca *ca = gw_registry_find(reg, ids[C]);
	bool has_depth, has_relax;

	if (ca == NULL)
		return;
	has_depth = ca->conf->max_depth == 2;
	has_relax = ca->conf->relax.n == 2;
	cr_expect_eq(has_depth, has_relax, "half of the settings, %d", done);
	cr_expect_eq(has_relax, ca->conf->relax.n != 0);
	cr_expect_str_eq(ca->conf->ocsp_url, "http://ocsp/");
	check("the change", has_depth && has_relax, done, UPDATED);
}

static void
check_all(int done)
{
	enum gw_ca_state c = state_of(C), a = state_of(A);

	cr_expect(c == GW_CA_STATE_COUNT || c == GW_CA_REGISTERED ||
		  c == GW_CA_REGISTER_FAILED, "%d", (int)c);
	cr_expect(a == GW_CA_REGISTERED || a == GW_CA_DEREGISTERED, "%d",
		  (int)a);
	cr_expect_eq(state_of(B), GW_CA_REGISTERED, "who was not touched");
	check("what was begun", c != GW_CA_STATE_COUNT, done, REGISTERING);
	check("the CA", c == GW_CA_REGISTERED, done, REGISTERED);
	check_settings(done);
	check("the end of a CA", a == GW_CA_DEREGISTERED, done,
	      DEREGISTERING);
	check("the switch", !gw_registry_client_auth(reg), done, DISABLED);
}

/* ---- the rounds */

static GW_NORETURN void
work(int out, int writes, size_t n)
{
	use_deadly_disk(writes);
	for (size_t i = 0; i < n; i++)
		if (!steps[i]() || write(out, "", 1) != 1)
			_exit(4);
	_exit(0);
}

/* How many steps were done before the end. False: it was not killed. */
static bool
killed_at(int writes, size_t n, int *out_done)
{
	char one;
	int fd[2], status;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0)
		work(fd[1], writes, n);
	close(fd[1]);
	for (*out_done = 0; read(fd[0], &one, 1) == 1; ++*out_done)
		;
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
		  "it ended by itself: %d", WEXITSTATUS(status));
	return WIFSIGNALED(status);
}

Test(kill, at_each_write)
{
	int done, n = 0;

	while (copy_base(), killed_at(++n, GW_COUNT(steps), &done)) {
		cr_assert(open_at(path), "write %d", n);
		check_all(done);
		close_it();
		cr_assert_lt(n, WRITES_MAX);
	}
	cr_expect_gt(n, 30, "%d writes only", n);
	cr_expect_eq(done, (int)GW_COUNT(steps));
	cr_assert(open_at(path));
	check_all(done);
}

/* The file is made; nothing was there before. */
Test(kill, at_each_write_of_the_first_start)
{
	int done, n = 0;

	while (remove_files(path), killed_at(++n, 1, &done)) {
		cr_assert(open_at(path), "write %d", n);
		cr_expect_eq(gw_registry_count(reg), 0);
		cr_expect(gw_registry_client_auth(reg));
		close_it();
		cr_assert_lt(n, WRITES_MAX);
	}
	cr_expect_gt(n, 5, "%d writes only", n);
}

/* Killed again while it mends what the first death left. */
Test(kill, again_while_it_recovers)
{
	int done, again, n, m;

	for (n = 1; copy_base(), killed_at(n, GW_COUNT(steps), &done); n += 3) {
		for (m = 1; killed_at(m, 1, &again); m++)
			cr_assert_lt(m, WRITES_MAX);
		cr_assert(open_at(path));
		check_all(done);
		close_it();
	}
	cr_expect_gt(n, 30);
}
