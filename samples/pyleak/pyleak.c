// SPDX-License-Identifier: GPL-2.0
/*
 * A client that leaks in three ways, on purpose, among much that it does
 * right: to be found with pyalloc's tracing, as Documentation/tracing.rst
 * does.
 *
 * It takes requests, in rounds: each is parsed, answered, logged, and its
 * session opened in a timer's softirq.  What it does wrong:
 *
 *  - parse_request() forgets the words of a request that it refuses;
 *  - open_session() puts sessions on a list that is only ever taken from by
 *    age, and asks the age of the wrong end;
 *  - grow_log() copies the log into a larger buffer and drops the old one.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static unsigned int rounds = 1000;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how many rounds of requests it takes; 0: for ever");

static unsigned int interval_ms = 1;
module_param(interval_ms, uint, 0444);
MODULE_PARM_DESC(interval_ms, "how long it waits between two of them");

static unsigned int taken;
module_param(taken, uint, 0444);
MODULE_PARM_DESC(taken, "how many it has taken");

/* === Requests: words that are separated by spaces === */

struct request {
	char	*words;
	int	*lengths;
};

static noinline int parse_request(struct request *request, const char *text)
{
	request->words = pymem_strdup(text, GFP_KERNEL);
	if (!request->words)
		return -ENOMEM;
	/* The first leak: who returns here has not freed the words. */
	if (strstr(text, "bad"))
		return -EINVAL;
	request->lengths = pymem_new(int, strlen(text) + 1, GFP_KERNEL);
	if (!request->lengths) {
		pymem_free(request->words);
		return -ENOMEM;
	}
	request->lengths[0] = strcspn(text, " ");
	return 0;
}

static void finish_request(struct request *request)
{
	pymem_free(request->lengths);
	pymem_free(request->words);
}

/* === Sessions, opened in softirq === */

struct session {
	struct list_head	list;
	unsigned int		opened;
	char			peer[64];
};

static LIST_HEAD(sessions);
static unsigned int nr_opened;

/* How many sessions one may be older than the newest. */
#define KEPT	10

static noinline struct session *open_session(void)
{
	struct session *session = pyobject_malloc(sizeof(*session), GFP_ATOMIC);

	if (!session)
		return NULL;
	session->opened = ++nr_opened;
	strscpy(session->peer, "somebody", sizeof(session->peer));
	list_add_tail(&session->list, &sessions);
	return session;
}

/* The second leak: the newest is at the tail, and never old. */
static void close_old_sessions(void)
{
	struct session *session;

	while (!list_empty(&sessions)) {
		session = list_last_entry(&sessions, struct session, list);
		if (nr_opened - session->opened < KEPT)
			return;
		list_del(&session->list);
		pyobject_free(session);
	}
}

static void on_timer(struct timer_list *unused)
{
	open_session();
	close_old_sessions();
}

static DEFINE_TIMER(session_timer, on_timer);

/* === The log === */

static char *log;
static size_t log_size, log_used;

static noinline bool grow_log(size_t need)
{
	size_t size = max_t(size_t, 2 * log_size, need);
	char *larger;

	if (size > SZ_16K)
		size = SZ_16K;
	larger = pymem_raw_calloc(1, size, GFP_KERNEL);
	if (!larger)
		return false;
	/* The third leak: the old buffer. */
	if (log)
		memcpy(larger, log, min(log_used, size));
	log = larger;
	log_size = size;
	return true;
}

static void append_to_log(const char *text)
{
	size_t length = strlen(text);

	if (log_used + length > SZ_16K)
		log_used = 0;
	if (log_used + length > log_size || !log_used)
		if (!grow_log(log_used + length))
			return;
	memcpy(log + log_used, text, length);
	log_used += length;
}

/* === Rounds === */

static const char *const texts[] = {
	"get index", "get page", "bad request", "put page", "get image",
};

/* What is done right: a table that grows and goes. */
static noinline void answer(unsigned int round)
{
	unsigned long *table = NULL, *larger;
	unsigned int n;

	for (n = 4; n < 8 + round % 512; n *= 2) {
		larger = table;
		if (!pymem_resize(larger, unsigned long, n, GFP_KERNEL))
			break;
		table = larger;
	}
	pymem_del(table);
}

static void take_request(unsigned int round)
{
	const char *text = texts[round % ARRAY_SIZE(texts)];
	struct request request;

	if (!parse_request(&request, text)) {
		answer(round);
		finish_request(&request);
	}
	append_to_log(text);
}

static void take_requests(struct work_struct *work);
static DECLARE_DELAYED_WORK(requests_work, take_requests);

static void take_requests(struct work_struct *work)
{
	take_request(taken);
	mod_timer(&session_timer, jiffies);
	WRITE_ONCE(taken, taken + 1);
	if (!rounds || taken < rounds)
		schedule_delayed_work(&requests_work,
				      msecs_to_jiffies(interval_ms));
}

static int __init pyleak_init(void)
{
	schedule_delayed_work(&requests_work, 0);
	return 0;
}
module_init(pyleak_init);

static void __exit pyleak_exit(void)
{
	cancel_delayed_work_sync(&requests_work);
	timer_delete_sync(&session_timer);
	pymem_raw_free(log);
}
module_exit(pyleak_exit);

MODULE_DESCRIPTION("Leaks in three ways, to be found by tracing");
MODULE_AUTHOR("The pyalloc authors");
MODULE_LICENSE("GPL");
