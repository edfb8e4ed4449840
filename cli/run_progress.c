/* The pace of a billing run, and a line about it. */

#include "cli/run_progress.h"

#include "common/base/decimal.h"

#define BAR_WIDTH 24
#define BAR_WIDTH_MIN 6
#define PIECE_MAX 256 /* bytes of one piece of a line */
#define LEFT_MAX_S (INT64_C(1000) * 86400)

void
run_progress_note(struct run_progress *progress, const struct run_state *state, int64_t now_ms)
{
	struct run_sample *samples = progress->samples;

	/* One more than the window needs: the pace is measured from before it. */
	while (progress->samples_len > 1 && (samples[1].at_ms <= now_ms - RUN_PROGRESS_WINDOW_MS ||
						progress->samples_len == RUN_PROGRESS_SAMPLES)) {
		progress->samples_len--;
		memmove(samples, samples + 1, progress->samples_len * sizeof(*samples));
	}
	samples[progress->samples_len++] =
	    (struct run_sample){now_ms, state->done, state->invoiced};
}

/* The last of the samples that are not younger than the window, else the first; NULL: there is no
 * pace yet. */
static const struct run_sample *
base_of(const struct run_progress *progress, int64_t now_ms)
{
	const struct run_sample *base = progress->samples;

	if (progress->samples_len < 2)
		return NULL;
	for (size_t i = 1; i < progress->samples_len; i++)
		if (progress->samples[i].at_ms <= now_ms - RUN_PROGRESS_WINDOW_MS)
			base = &progress->samples[i];
	return base;
}

/* ${count} times ${factor} divided by ${divisor}, none of them negative, cut off; INT64_MAX where
 * it does not fit. */
static int64_t
scale(int64_t count, int64_t factor, int64_t divisor)
{
	uint128 scaled;

	CHECK(count >= 0 && factor >= 0 && divisor > 0);
	scaled = (uint128)count * (uint128)factor / (uint128)divisor;
	return scaled > INT64_MAX ? INT64_MAX : (int64_t)scaled;
}

int64_t
run_progress_rate(const struct run_progress *progress, int64_t now_ms)
{
	const struct run_sample *base = base_of(progress, now_ms);
	const struct run_sample *last;

	if (base == NULL)
		return 0;
	last = &progress->samples[progress->samples_len - 1];
	if (now_ms <= base->at_ms || last->invoiced <= base->invoiced)
		return 0;
	return scale(last->invoiced - base->invoiced, 1000, now_ms - base->at_ms);
}

int64_t
run_progress_left_s(
    const struct run_progress *progress, const struct run_state *state, int64_t now_ms)
{
	const struct run_sample *base = base_of(progress, now_ms);
	const struct run_sample *last;
	int64_t left_s;

	if (base == NULL || !str_equal(state->status, STR("running")) ||
	    state->parts_begun < state->parts_all)
		return -1;
	last = &progress->samples[progress->samples_len - 1];
	if (now_ms <= base->at_ms || last->done <= base->done || state->due < state->done)
		return -1;
	left_s =
	    scale(state->due - state->done, now_ms - base->at_ms, last->done - base->done) / 1000;
	return left_s > LEFT_MAX_S ? -1 : left_s;
}

int
run_progress_percent(const struct run_state *state)
{
	int64_t percent;

	if (str_equal(state->status, STR("finished")))
		return 100;
	if (state->due <= 0 || state->done < 0)
		return -1;
	percent = scale(state->done, 100, state->due);
	/* More may fall due while it goes on. */
	return percent > 99 ? 99 : (int)percent;
}

static void
put_bar(struct buf *out, int percent, size_t width)
{
	size_t full = percent < 0 ? 0 : width * (size_t)percent / 100;

	buf_append_char(out, '[');
	for (size_t i = 0; i < width; i++)
		buf_append_char(out, i < full ? '#' : '.');
	buf_append_char(out, ']');
}

static void
put_percent(struct buf *out, const struct run_state *state)
{
	int percent = run_progress_percent(state);

	if (percent >= 0)
		buf_printf(out, "%3d %%", percent);
}

/* "done/due"; a plus where more will be counted. */
static void
put_counts(struct buf *out, const struct run_state *state)
{
	run_state_put_count(out, state->done);
	buf_append_char(out, '/');
	run_state_put_count(out, state->due);
	if (state->parts_begun < state->parts_all && !run_state_is_over(state))
		buf_append_char(out, '+');
}

static void
put_left(struct buf *out, int64_t left_s)
{
	if (left_s < 0)
		return;
	if (left_s >= 3600)
		buf_printf(out, "%lld:%02lld:%02lld left", (long long)left_s / 3600,
		    (long long)left_s / 60 % 60, (long long)left_s % 60);
	else
		buf_printf(out, "%lld:%02lld left", (long long)left_s / 60, (long long)left_s % 60);
}

/* A piece of the line, with two spaces before it; left out when it is empty or finds no room. */
static void
put_piece(struct buf *out, struct buf *piece, size_t start, size_t width)
{
	size_t used = run_state_columns((struct str){out->ptr + start, out->len - start});
	size_t gap = used > 0 ? 2 : 0;

	if (piece->len > 0 && !piece->overflow &&
	    (width == 0 || used + gap + run_state_columns(buf_str(piece)) < width)) {
		buf_append(out, "  ", gap);
		buf_append_str(out, buf_str(piece));
	}
	buf_clear(piece);
}

static void
put_amounts(
    struct buf *out, struct buf *piece, const struct run_state *state, size_t start, size_t width)
{
	for (size_t i = 0; i < state->amounts_len && i < RUN_AMOUNTS_MAX; i++) {
		run_state_put_amount(piece, &state->amounts[i]);
		put_piece(out, piece, start, width);
	}
	if (state->amounts_len > RUN_AMOUNTS_MAX) {
		buf_printf(piece, "and %zu currencies more", state->amounts_len - RUN_AMOUNTS_MAX);
		put_piece(out, piece, start, width);
	}
}

void
run_progress_line(const struct run_progress *progress, const struct run_state *state,
    int64_t now_ms, size_t width, struct buf *out)
{
	bool over = run_state_is_over(state);
	size_t start = out->len;
	struct buf piece;

	buf_init(&piece, PIECE_MAX);
	run_state_put_text(&piece, state->status);
	put_piece(out, &piece, start, width);
	if (width > 0) {
		put_bar(&piece, run_progress_percent(state),
		    width / 3 > BAR_WIDTH       ? BAR_WIDTH
		    : width / 3 < BAR_WIDTH_MIN ? BAR_WIDTH_MIN
						: width / 3);
		put_piece(out, &piece, start, width);
	}
	put_percent(&piece, state);
	put_piece(out, &piece, start, width);
	put_counts(&piece, state);
	put_piece(out, &piece, start, width);
	if (!over) {
		run_state_put_count(&piece, run_progress_rate(progress, now_ms));
		buf_append_str(&piece, STR(" invoices/s"));
		put_piece(out, &piece, start, width);
		put_left(&piece, run_progress_left_s(progress, state, now_ms));
		put_piece(out, &piece, start, width);
	}
	if (state->failed > 0) {
		run_state_put_count(&piece, state->failed);
		buf_append_str(&piece, STR(" failed"));
		put_piece(out, &piece, start, width);
	}
	put_amounts(out, &piece, state, start, width);
	buf_release(&piece);
}
