/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of pytorture share: blocks, those who hold them, and a run.
 */
#ifndef PYTORTURE_TORTURE_H
#define PYTORTURE_TORTURE_H

#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/prandom.h>
#include <linux/pyalloc.h>
#include <linux/types.h>

struct seq_file;
struct task_struct;

/* === Blocks === */

/* Beside the domains: of the run's own heap, which is the first to be asked. */
#define IN_HEAP	PYMEM_NR_DOMAINS

extern struct pyheap *run_heap;

/**
 * struct block - a block that somebody holds
 * @ptr: where it is, NULL if there is none
 * @size: as requested
 * @tag: whose it was when it was filled, and its number there
 * @zero: every request for it had __GFP_ZERO
 * @domain: which one it was asked of; any, of what kmalloc() gave; or IN_HEAP
 */
struct block {
	void	*ptr;
	u32	size;
	u32	tag;
	bool	zero;
	u8	domain;
};

u64 block_pattern(const struct block *block);
void block_fill(const struct block *block);
bool block_intact(const struct block *block);
bool pattern_intact(const void *ptr, size_t from, size_t to, u64 pattern);
void *block_malloc(enum pymem_domain domain, size_t size, gfp_t gfp);
void *block_calloc(enum pymem_domain domain, size_t nelem, size_t elsize,
		   gfp_t gfp);
void *block_realloc(enum pymem_domain domain, void *ptr, size_t size,
		    gfp_t gfp);
void block_free(enum pymem_domain domain, void *ptr);

/* === Who holds them === */

/* Where somebody runs. */
enum place {
	IN_THREAD,
	IN_SOFT_TIMER,
	IN_HARD_TIMER,
	IN_TIMER,
	IN_TASKLET,
	IN_IRQ_WORK,
	IN_NMI,
	NR_PLACES,
};

extern const char *const place_names[NR_PLACES];

/**
 * struct counts - what somebody did, or all
 * @ops: operations
 * @mallocs: blocks had from malloc, calloc and their like
 * @frees: blocks freed, one by one, in bulk or after a grace period
 * @reallocs: blocks resized, moved or not
 * @bulks: calls for many blocks
 * @rcu: those freed after a grace period
 * @foreign: those freed that came from kmalloc()
 * @reclaims: calls of pyalloc_reclaim()
 * @checks: calls of pycheck_all()
 * @nulls: requests answered with NULL where that is allowed
 * @mismatches: blocks that did not hold what they had to
 * @failures: all else that was not as promised
 */
struct counts {
	u64	ops;
	u64	mallocs;
	u64	frees;
	u64	reallocs;
	u64	bulks;
	u64	rcu;
	u64	foreign;
	u64	reclaims;
	u64	checks;
	u64	nulls;
	u64	mismatches;
	u64	failures;
};

#define MAX_BULK	160

/**
 * struct actor - one who does operations, in one place
 * @random: where all its choices come from
 * @place: where it runs
 * @id: its number in the run
 * @serial: of the block that it fills next
 * @doing: the operation it is in
 * @busy: it is at work; an interrupt may find it so
 * @atomic: it may not sleep now
 * @reclaims: it is as if it reclaimed memory, and may not wait for works
 * @now: what it did
 * @bulk: for calls with many blocks
 * @nr_slots: how many blocks it can hold
 * @slots: the blocks that it holds
 */
struct actor {
	struct rnd_state	random;
	enum place		place;
	unsigned int		id;
	u32			serial;
	const char		*doing;
	unsigned int		busy;
	bool			atomic;
	bool			reclaims;
	struct counts		now;
	void			*bulk[MAX_BULK];
	unsigned int		nr_slots;
	struct block		slots[];
};

static inline u32 actor_below(struct actor *actor, u32 n)
{
	return prandom_u32_state(&actor->random) % n;
}

static inline bool actor_one_in(struct actor *actor, u32 n)
{
	return !actor_below(actor, n);
}

static inline bool actor_may_sleep(const struct actor *actor)
{
	return actor->place == IN_THREAD && !actor->atomic;
}

struct actor *actor_new(enum place place);
void actor_free(struct actor *actor);
void actor_act(struct actor *actor, unsigned int n);
void actor_adopt(struct actor *actor, struct block *block);
void actor_check(struct actor *actor);

/* === What they ask for and do === */

/**
 * struct request - what is asked for, and how
 * @domain: of whom
 * @size: how much
 * @gfp: with what
 */
struct request {
	enum pymem_domain	domain;
	size_t			size;
	gfp_t			gfp;
};

struct request request_any(struct actor *actor);
void request_got_nothing(struct actor *actor, const struct request *request);

void deed_have(struct actor *actor, struct block *slot);
void deed_ask_too_much(struct actor *actor);
void deed_resize(struct actor *actor, struct block *block);
void deed_release(struct actor *actor, struct block *block);
bool deed_may_free_rcu(const struct actor *actor, const struct block *block);
void deed_release_rcu(struct actor *actor, struct block *block);
void deed_have_bulk(struct actor *actor);
void deed_release_bulk(struct actor *actor, unsigned int at);
void deed_swap(struct actor *actor, struct block *slot);

/* === Blocks on their way from one to another === */

bool exchange_put(u32 random, const struct block *block);
bool exchange_take(u32 random, struct block *block);
void exchange_drain(struct actor *actor);

/* === What went wrong === */

void failure_reset(void);
void failure_note(struct actor *actor, size_t size, gfp_t gfp,
		  const char *what);
void failure_mismatch(struct actor *actor, size_t size, const char *what);
void failure_print(void);

/* === A run === */

/**
 * struct options - the module's parameters when a run started
 * @seed: what all follows from
 * @threads: how many
 * @interrupts: there are actors in interrupts, too
 * @hotplug: CPUs go and come
 * @scopes: threads enter the scopes that limit reclaim
 * @short_of_memory: NULL is allowed everywhere
 * @loyal: a block goes back to the domain that it is from, as debug hooks want
 */
struct options {
	u64		seed;
	unsigned int	threads;
	bool		interrupts;
	bool		hotplug;
	bool		scopes;
	bool		short_of_memory;
	bool		loyal;
};

extern struct options run_options;

unsigned int run_budget(unsigned int want);
bool run_is_over(void);
void run_count_hotplug(void);
unsigned int run_next_id(void);
void run_add(const struct actor *actor);

int run_start(unsigned long ops);
void run_stop(void);
int run_wait_end(void);
void run_show_results(struct seq_file *out);

int workers_start(void);
void workers_wait(void);
void workers_free(void);

int interrupts_start(void);
void interrupts_restart_on(unsigned int cpu);
void interrupts_stop(void);
void interrupts_free(void);

int nmis_start(struct actor *(*actor_of)(unsigned int cpu));
void nmis_send(unsigned int cpu);
void nmis_forget(unsigned int cpu);
void nmis_stop(void);

int hotplug_start(void);
void hotplug_stop(void);

void options_get(struct options *options);
bool options_loyal(void);

/* === Beside a run === */

int hold_blocks(unsigned long n, const char *name);
int hold_release(void);
int hold_hog(const char *name);
int memory_fragment(unsigned int into);
void memory_release(void);
int op_run(const char *name, unsigned long argument);

/* === debugfs === */

void control_create(void);
void control_remove(void);

#endif /* PYTORTURE_TORTURE_H */
