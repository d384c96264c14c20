/* gw/compiler.h — the few compiler attributes we allow, behind names.
 * Linked into every process; contains no code of its own but gw_assert. */
#ifndef GW_COMPILER_H
#define GW_COMPILER_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <time.h>

#define GW_MUST_CHECK   __attribute__((warn_unused_result))
#define GW_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GW_NORETURN     __attribute__((noreturn))

#define GW_COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define GW_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define GW_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* The object that embeds `member` at address `ptr`. */
#define GW_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Scope-bound cleanup.
 *	GW_DEFINE_CLEANUP(X509 *, X509_free)      once per file or header
 *	gw_auto(X509_free) X509 *cert = NULL;     freed when the scope ends
 *	*out = gw_steal(&cert);                   given away instead */
#define GW_DEFINE_CLEANUP(type, fn)                        \
	static inline __attribute__((unused)) void         \
	gw_cleanup_##fn(type *p)                           \
	{                                                  \
		if (*p != NULL)                            \
			fn(*p);                            \
	}
#define gw_auto(fn) __attribute__((cleanup(gw_cleanup_##fn)))

static inline void *
gw_steal_(void *pp)
{
	void **p = (void **)pp;
	void *v = *p;

	*p = NULL;
	return v;
}
#define gw_steal(pp) ((__typeof__(*(pp)))gw_steal_(pp))

/* Broken invariants only, never anything a peer can influence; always
 * compiled in. The supervisor restarts what aborts. */
GW_NORETURN void gw_assert_failed(const char *expr, const char *file, int line);
#define gw_assert(e) \
	((e) ? (void)0 : gw_assert_failed(#e, __FILE__, __LINE__))

#endif
