/* The kept connection to a KDC: used again while it is good, left when there
 * is any doubt, and never a reason to take a stale answer for a new one. The
 * KDC played here listens at port 88 of a random loopback address, which not
 * every user may: then these tests are skipped. */
#include "gw/util.h"
#include "transport.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(transport, .timeout = 120);

#define WAIT_MS 20000 /* for what must come */

/* What it does with each message of a connection, one letter each: 'a'
 * answers, 'c' answers and closes, 'x' closes without an answer, 'e' answers
 * and says more than it was asked for, 's' is silent. The counts are the
 * thread's own until kdc_stop(). */
struct kdc {
	int listener;
	struct gw_dc dc;
	const char *script;
	unsigned connections, messages;
	pthread_t thread;
};

static void
answer(struct kdc *k, int fd, uint8_t value, bool says_more)
{
	const uint8_t m[10] = { 0, 0, 0, 1, value, 0, 0, 0, 1, 0xee };
	size_t len = says_more ? sizeof(m) : 5;

	cr_assert_eq(write(fd, m, len), (ssize_t)len);
	k->messages++;
}

/* False when the connection is over. */
static bool
serve(struct kdc *k, int fd)
{
	uint8_t m[5];
	char what;

	if (recv(fd, m, sizeof(m), MSG_WAITALL) != (ssize_t)sizeof(m))
		return false;
	what = *k->script != '\0' ? *k->script++ : 'a';
	if (what != 'x' && what != 's')
		answer(k, fd, m[4], what == 'e');
	return what != 'x' && what != 'c';
}

static void *
kdc_thread(void *arg)
{
	struct kdc *k = arg;
	int fd;

	while ((fd = accept(k->listener, NULL, NULL)) >= 0) {
		k->connections++;
		while (serve(k, fd))
			;
		close(fd);
	}
	return NULL;
}

static void
kdc_start(struct kdc *k, const char *script)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(GW_PORT_KDC) };
	uint32_t host;
	int rc;

	*k = (struct kdc){ .script = script };
	k->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	do { /* until it is nobody else's */
		gw_random(&host, sizeof(host));
		a.sin_addr.s_addr = htonl(0x7f000000u | (host & 0x7fffffu) |
					  2);
		rc = bind(k->listener, (struct sockaddr *)&a, sizeof(a));
	} while (rc != 0 && errno == EADDRINUSE);
	if (rc != 0 && errno == EACCES)
		cr_skip_test("may not listen at port 88");
	cr_assert_eq(rc, 0);
	cr_assert_eq(listen(k->listener, 5), 0);
	memcpy(k->dc.name, "dc.example", 11);
	k->dc.addr.in4.sin_family = AF_INET;
	k->dc.addr.in4.sin_addr = a.sin_addr;
	cr_assert_eq(pthread_create(&k->thread, NULL, kdc_thread, k), 0);
}

static void
kdc_stop(struct kdc *k, struct gw_kdc_conn *c)
{
	gw_kdc_conn_close(c);
	shutdown(k->listener, SHUT_RDWR);
	pthread_join(k->thread, NULL);
	close(k->listener);
}

/* Sends one byte; the answer must be the same byte. */
static enum gw_err
ask(struct kdc *k, struct gw_kdc_conn *c, uint8_t value, int64_t kdc_ms)
{
	char byte = (char)value;
	const krb5_data request = { .length = 1, .data = &byte };
	const struct gw_limits l = { .connect_ms = WAIT_MS, .kdc_ms = kdc_ms,
				     .ldap_ms = WAIT_MS,
				     .deadline_ms = gw_mono_ms() + 4 * WAIT_MS };
	krb5_data reply = { .data = NULL };
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = gw_kdc_exchange(&k->dc, &l, c, &request, &reply,
					 &err);

	if (rc == GW_ERR_OK) {
		cr_expect_eq(reply.length, 1);
		cr_expect_eq((uint8_t)reply.data[0], value,
			     "another one's answer");
	}
	free(reply.data);
	return rc;
}

Test(transport, is_used_again)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc k;

	kdc_start(&k, "aaa");
	for (uint8_t i = 0; i < 3; i++)
		cr_expect_eq(ask(&k, &c, i, WAIT_MS), GW_ERR_OK);
	kdc_stop(&k, &c);
	cr_expect_eq(k.connections, 1, "%u", k.connections);
}

Test(transport, none_is_kept_for_whom_it_is_not)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc k;

	kdc_start(&k, "aa");
	cr_expect_eq(ask(&k, NULL, 1, WAIT_MS), GW_ERR_OK);
	cr_expect_eq(ask(&k, NULL, 2, WAIT_MS), GW_ERR_OK);
	kdc_stop(&k, &c);
	cr_expect_eq(k.connections, 2);
}

Test(transport, closed_meanwhile)
{
	static const char *const scripts[] = { "ca", "axa", "acxa" };

	for (size_t i = 0; i < GW_COUNT(scripts); i++) {
		struct gw_kdc_conn c = GW_KDC_CONN_NONE;
		struct kdc k;

		kdc_start(&k, scripts[i]);
		cr_expect_eq(ask(&k, &c, 1, WAIT_MS), GW_ERR_OK);
		cr_expect_eq(ask(&k, &c, 2, WAIT_MS), GW_ERR_OK, "%s",
			     scripts[i]);
		kdc_stop(&k, &c);
	}
}

/* Nor is it tried for ever. */
Test(transport, always_closed)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc k;

	kdc_start(&k, "axx");
	cr_expect_eq(ask(&k, &c, 1, WAIT_MS), GW_ERR_OK);
	cr_expect_eq(ask(&k, &c, 2, WAIT_MS), GW_ERR_KDC_UNREACHABLE);
	cr_expect_eq(c.fd, -1);
	kdc_stop(&k, &c);
}

Test(transport, more_than_asked_for)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc k;

	kdc_start(&k, "eaa");
	cr_expect_eq(ask(&k, &c, 1, WAIT_MS), GW_ERR_OK);
	cr_expect_eq(ask(&k, &c, 2, WAIT_MS), GW_ERR_OK);
	kdc_stop(&k, &c);
	cr_expect_eq(k.connections, 2, "%u", k.connections);
}

/* The late answer to a question given up is nobody's. */
Test(transport, silence)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc k;

	kdc_start(&k, "asa");
	cr_expect_eq(ask(&k, &c, 1, WAIT_MS), GW_ERR_OK);
	cr_expect_eq(ask(&k, &c, 2, 50), GW_ERR_KDC_UNREACHABLE);
	cr_expect_eq(c.fd, -1, "kept");
	cr_expect_eq(ask(&k, &c, 3, WAIT_MS), GW_ERR_OK);
	kdc_stop(&k, &c);
	cr_expect_eq(k.connections, 2);
}

Test(transport, another_dc)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	struct kdc one, two;

	kdc_start(&one, "aa");
	kdc_start(&two, "aa");
	cr_expect_eq(ask(&one, &c, 1, WAIT_MS), GW_ERR_OK);
	cr_expect_eq(ask(&two, &c, 2, WAIT_MS), GW_ERR_OK);
	kdc_stop(&two, &c);
	kdc_stop(&one, &c);
	cr_expect_eq(one.messages, 1);
	cr_expect_eq(two.messages, 1);
}

Test(transport, ahead)
{
	struct gw_kdc_conn c = GW_KDC_CONN_NONE;
	const struct gw_limits l = { .connect_ms = WAIT_MS,
				     .deadline_ms = gw_mono_ms() + WAIT_MS };
	struct gw_error err;
	struct kdc k;
	int fd = -1, ahead;

	kdc_start(&k, "");
	ahead = gw_dial_ahead(&k.dc, GW_PORT_KDC);
	cr_expect_geq(ahead, 0);
	cr_expect_eq(gw_dial(&k.dc, GW_PORT_KDC, &l, ahead, &fd, &err),
		     GW_ERR_OK);
	cr_expect_eq(fd, ahead);
	gw_close(&fd);
	kdc_stop(&k, &c);
	ahead = gw_dial_ahead(&k.dc, GW_PORT_KDC); /* nobody there now */
	cr_expect_eq(gw_dial(&k.dc, GW_PORT_KDC, &l, ahead, &fd, &err),
		     GW_ERR_SYSTEM);
	cr_expect_eq(fd, -1);
}
