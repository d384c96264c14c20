/* stash.c — see stash.h. Three hash tables of fixed size: of tickets, of cards
 * by number and by owner; and a list of the cards in the order in which they
 * were used. */
#include "stash.h"
#include "gw/util.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <openssl/crypto.h>

#define BUCKETS 4096u /* power of two */

struct ticket {
	LIST_ENTRY(ticket) by_id;
	TAILQ_ENTRY(ticket) used;
	struct card *card;
	struct gw_stashed is;
};

LIST_HEAD(tickets, ticket);
TAILQ_HEAD(used_tickets, ticket);

struct card {
	LIST_ENTRY(card) by_number, by_owner;
	TAILQ_ENTRY(card) used;
	struct used_tickets tickets; /* the longest unused first */
	unsigned ticket_count;
	time_t used_at;
	uint64_t number;
	size_t owner;                /* where it stands in `owners` */
	char *account;               /* heap; NULL: the leaf owns it */
	size_t bytes;                /* without its tickets */
	size_t chain_len;
	uint8_t chain[];
};

LIST_HEAD(cards, card);
TAILQ_HEAD(used_cards, card);

struct gw_stash {
	pthread_mutex_t lock;
	struct tickets ids[BUCKETS];
	struct cards numbers[BUCKETS];
	struct cards owners[BUCKETS]; /* in each the last used first */
	struct used_cards cards; /* the longest unused first */
	uint64_t last_number;
	size_t bytes;
};

/* They are random: their first bytes are a hash. */
static size_t
slot(const uint8_t *p)
{
	return ((size_t)p[0] | (size_t)p[1] << 8) & (BUCKETS - 1);
}

/* ---- forgetting */

static void
drop_ticket(struct gw_stash *s, struct ticket *t)
{
	LIST_REMOVE(t, by_id);
	TAILQ_REMOVE(&t->card->tickets, t, used);
	t->card->ticket_count--;
	s->bytes -= sizeof(*t);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

static void
drop_card(struct gw_stash *s, struct card *c)
{
	struct ticket *t;

	while ((t = TAILQ_FIRST(&c->tickets)) != NULL)
		drop_ticket(s, t);
	LIST_REMOVE(c, by_number);
	LIST_REMOVE(c, by_owner);
	TAILQ_REMOVE(&s->cards, c, used);
	s->bytes -= c->bytes;
	free(c->account);
	free(c);
}

/* A clock set back makes an age negative: such a card goes, too, or it would
 * stay for as long as the clock was wrong. */
static bool
is_over(const struct card *c, time_t now)
{
	return now < c->used_at || now - c->used_at >= GW_TICKET_LIFE_S;
}

/* For `room` bytes more. */
static void
tidy(struct gw_stash *s, size_t room, time_t now)
{
	struct card *c;

	while ((c = TAILQ_FIRST(&s->cards)) != NULL &&
	       (s->bytes + room > GW_STASH_BYTES || is_over(c, now)))
		drop_card(s, c);
}

/* ---- cards */

static struct card *
find_card(struct gw_stash *s, uint64_t number)
{
	struct card *c;

	LIST_FOREACH(c, &s->numbers[number & (BUCKETS - 1)], by_number)
		if (c->number == number)
			return c;
	return NULL;
}

static void
touch(struct gw_stash *s, struct card *c, time_t now)
{
	c->used_at = now;
	TAILQ_REMOVE(&s->cards, c, used);
	TAILQ_INSERT_TAIL(&s->cards, c, used);
	LIST_REMOVE(c, by_owner);
	LIST_INSERT_HEAD(&s->owners[c->owner], c, by_owner);
}

static size_t
length_of(const struct gw_der *chain, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		if (chain[i].len == 0 || chain[i].len > GW_STASH_CHAIN_MAX)
			return 0;
		len += 2 + chain[i].len;
	}
	return len <= GW_STASH_CHAIN_MAX ? len : 0;
}

static void
write_chain(const struct gw_der *chain, size_t count, uint8_t *p)
{
	for (size_t i = 0; i < count; i++) {
		*p++ = (uint8_t)(chain[i].len >> 8);
		*p++ = (uint8_t)chain[i].len;
		memcpy(p, chain[i].p, chain[i].len);
		p += chain[i].len;
	}
}

static bool
is_chain(const struct card *c, const struct gw_der *chain, size_t count)
{
	const uint8_t *p = c->chain;

	for (size_t i = 0; i < count; i++) {
		if ((size_t)p[0] << 8 != (chain[i].len & 0xff00) ||
		    p[1] != (chain[i].len & 0xff) ||
		    memcmp(p + 2, chain[i].p, chain[i].len) != 0)
			return false;
		p += 2 + chain[i].len;
	}
	return true;
}

/* ---- owners */

/* By the end: of a certificate that is the signature, which differs. */
static size_t
owner_slot(const char *account, const struct gw_der *leaf)
{
	const struct gw_der who =
		account == NULL ? *leaf
				: (struct gw_der){ (const uint8_t *)account,
						   strlen(account) };
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = who.len - GW_MIN(who.len, 32u); i < who.len; i++)
		h = (h ^ who.p[i]) * 16777619u;
	return (h ^ h >> 16) & (BUCKETS - 1);
}

static bool
is_owner(const struct card *c, const char *account, const struct gw_der *leaf)
{
	if (account == NULL)
		return c->account == NULL && is_chain(c, leaf, 1);
	return c->account != NULL && strcmp(c->account, account) == 0;
}

/* The card with just these certificates; else there is room in its owner's
 * share for one more. */
static struct card *
find_own(struct gw_stash *s, const char *account, const struct gw_der *chain,
	 size_t count, size_t len)
{
	struct card *c, *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(c, &s->owners[owner_slot(account, chain)], by_owner) {
		if (!is_owner(c, account, chain))
			continue;
		if (c->chain_len == len && is_chain(c, chain, count))
			return c;
		oldest = c;
		n++;
	}
	if (n >= GW_STASH_CARDS)
		drop_card(s, oldest);
	return NULL;
}

static struct card *
add_card(struct gw_stash *s, const char *account, const struct gw_der *chain,
	 size_t count, size_t len, time_t now)
{
	struct card *c = gw_xcalloc(1, sizeof(*c) + len);

	TAILQ_INIT(&c->tickets);
	c->number = ++s->last_number;
	c->owner = owner_slot(account, chain);
	c->account = account != NULL ? gw_xstrdup(account) : NULL;
	c->bytes = sizeof(*c) + len + (account != NULL ? strlen(account) : 0);
	c->used_at = now;
	c->chain_len = len;
	write_chain(chain, count, c->chain);
	tidy(s, c->bytes, now);
	s->bytes += c->bytes;
	LIST_INSERT_HEAD(&s->numbers[c->number & (BUCKETS - 1)], c, by_number);
	LIST_INSERT_HEAD(&s->owners[c->owner], c, by_owner);
	TAILQ_INSERT_TAIL(&s->cards, c, used);
	return c;
}

uint64_t
gw_stash_keep(struct gw_stash *s, const char *account,
	      const struct gw_der *chain, size_t count, time_t now)
{
	size_t len = length_of(chain, count);
	uint64_t number;
	struct card *c;

	if (len == 0)
		return 0;
	pthread_mutex_lock(&s->lock);
	c = find_own(s, account, chain, count, len);
	if (c != NULL)
		touch(s, c, now);
	else
		c = add_card(s, account, chain, count, len, now);
	number = c->number;
	pthread_mutex_unlock(&s->lock);
	return number;
}

/* ---- tickets */

static struct ticket *
find_ticket(struct gw_stash *s, const uint8_t id[GW_STASH_ID])
{
	struct ticket *t;

	LIST_FOREACH(t, &s->ids[slot(id)], by_id)
		if (CRYPTO_memcmp(t->is.id, id, GW_STASH_ID) == 0)
			return t;
	return NULL;
}

/* fail closed: a clock set back makes no ticket last longer. */
static bool
is_good(const struct gw_stashed *t, time_t now)
{
	return now >= t->made_at && now < t->end &&
	       t->end - now <= GW_TICKET_LIFE_S &&
	       t->secret_len <= GW_STASH_SECRET;
}

static void
add_ticket(struct gw_stash *s, struct card *c, const struct gw_stashed *is)
{
	struct ticket *t = gw_xcalloc(1, sizeof(*t));

	if (c->ticket_count == GW_STASH_TICKETS)
		drop_ticket(s, TAILQ_FIRST(&c->tickets));
	t->card = c;
	t->is = *is;
	LIST_INSERT_HEAD(&s->ids[slot(is->id)], t, by_id);
	TAILQ_INSERT_TAIL(&c->tickets, t, used);
	c->ticket_count++;
	s->bytes += sizeof(*t);
}

void
gw_stash_put(struct gw_stash *s, uint64_t card, const struct gw_stashed *t,
	     time_t now)
{
	struct card *c;

	if (!is_good(t, now))
		return;
	pthread_mutex_lock(&s->lock);
	tidy(s, sizeof(struct ticket), now);
	c = find_card(s, card);
	if (c != NULL && find_ticket(s, t->id) == NULL) {
		touch(s, c, now);
		add_ticket(s, c, t);
	}
	pthread_mutex_unlock(&s->lock);
}

static size_t
take(struct gw_stash *s, struct ticket *t, time_t now, struct gw_stashed *out,
     uint8_t *chain)
{
	struct card *c = t->card;

	if (!is_good(&t->is, now)) {
		drop_ticket(s, t);
		return 0;
	}
	touch(s, c, now);
	TAILQ_REMOVE(&c->tickets, t, used);
	TAILQ_INSERT_TAIL(&c->tickets, t, used);
	*out = t->is;
	memcpy(chain, c->chain, c->chain_len);
	return c->chain_len;
}

size_t
gw_stash_find(struct gw_stash *s, const uint8_t id[GW_STASH_ID], time_t now,
	      struct gw_stashed *out, uint8_t *chain)
{
	struct ticket *t;
	size_t len = 0;

	pthread_mutex_lock(&s->lock);
	t = find_ticket(s, id);
	if (t != NULL)
		len = take(s, t, now, out, chain);
	pthread_mutex_unlock(&s->lock);
	return len;
}

/* ---- life */

struct gw_stash *
gw_stash_new(void)
{
	struct gw_stash *s = gw_xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	TAILQ_INIT(&s->cards);
	return s;
}

void
gw_stash_free(struct gw_stash *s)
{
	struct card *c;

	if (s == NULL)
		return;
	while ((c = TAILQ_FIRST(&s->cards)) != NULL)
		drop_card(s, c);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
