#!/usr/bin/env bats
# Stage 05: Deferreds, lists of them, timeouts, looping calls. D and K, and the
# traps, are the rows of what Twisted does.

load ../lib/helpers
load ../lib/unit

@test "D: chains" {
    unit_cases deferred_test select
}

@test "D A8: cancelled, too late, unheard, all together" {
    unit_cases deferred_cancel_test select
}

@test "D K: lists, looping calls, a clock that stands still" {
    unit_cases deferred_list_test select
}

@test "proof: D: a chain that goes wrong is seen" {
    unit_broken deferred.c 's/bool failed = (.*) == RESULT_FAILURE/bool failed = \1 == RESULT_DEFERRED/' \
        deferred_test D2_two_tracks select
    unit_broken deferred.c 's/if \(top->running\)/if (0)/' \
        deferred_test D10_added_from_inside select
    unit_broken deferred.c 's/inner == self \|\| inner->outer \|\|/inner == self ||/' \
        deferred_test D12_misuse_is_an_error select
    unit_broken deferred.c 's/self->outer && waits_for\(inner, self\)/false/' \
        deferred_test D12_a_ring_is_refused select
    unit_broken deferred.c 's/while \(self->inner\)/while (0)/' \
        deferred_cancel_test D15_cancel_what_has_fired select
    unit_broken deferred.c '/log_failure/d' \
        deferred_cancel_test D23_unhandled_failures_are_logged select
    unit_broken deferred_timeout.c 's/== CALL_CALLED/!= CALL_CALLED/' \
        deferred_cancel_test D16_timeouts select
    unit_broken deferred_list.c 's/list->missing == 0 \|\|/list->missing < 2 ||/' \
        deferred_list_test D18_in_the_members_order select
    unit_broken deferred_list.c 's/^    list->uses\+\+;//' \
        deferred_list_test D21_cancel_cancels_the_members select
    unit_broken looping_call.c 's/left > interval/left < interval/' \
        deferred_list_test K1_missed_slots_are_left_out select
}

@test "proof: D7 D8 D9 D14 D16 D21 D23: a result too early, lost, or taken twice is seen" {
    unit_broken deferred.c 's/inner->fired && !inner->running/inner->fired/' \
        deferred_test D7_in_the_middle_of_its_chain select
    unit_broken deferred.c 's/!inner->inner &&//' \
        deferred_test D7_not_at_its_end select
    unit_broken deferred.c 's/self->outer_at -= self->begin;//' \
        deferred_test D8_the_place_stays select
    unit_broken deferred.c 's/self->outer_at != self->begin \|\| self->inner/self->outer_at != self->begin/' \
        deferred_test D9_nothing_is_handed_over_too_early select
    unit_broken deferred.c 's/if \(!self->fired\)$/if (true)/' \
        deferred_cancel_test D14_cancellers select
    unit_broken deferred.c 's/while \(self->inner\)/if (self->inner)/' \
        deferred_cancel_test D15_cancel_what_has_fired select
    unit_broken deferred_timeout.c 's/failure_check\(.*, &CancelledError\)/true/' \
        deferred_cancel_test D17_another_failure_stays select
    unit_broken deferred_list.c 's/count, LIST_FIRE_ON_ONE_ERRBACK\)/count, 0)/' \
        deferred_list_test D21_gather_and_the_first_failure select
    unit_broken deferred_list.c 's/if \(list->members\[i\].deferred\)//' \
        deferred_list_test D21_cancelled_when_one_has_fired select
    unit_broken deferred.c 's/self->result = take_result\(inner\)/self->result = inner->result/' \
        deferred_cancel_test D23_unhandled_failures_are_logged select
}

@test "proof: trap 24: a result for both, a callback out of turn, no swallowing, recursion are seen" {
    unit_broken deferred.c 's/outer->result = take_result\(self\)/outer->result = self->result/' \
        deferred_test D8_trap24_the_result_moves select
    unit_broken deferred.c 's/self->outer_at != self->begin/self->end != self->begin/' \
        deferred_test D8_trap24_the_result_moves select
    unit_broken deferred.c 's/self->ignore_next_fire \? ECANCELED : EALREADY/EALREADY/' \
        deferred_cancel_test D13_trap24_one_firing_is_swallowed select
    unit_broken deferred.c 's/^            top = outer;/outer->running = false, deferred_run(outer);/' \
        deferred_test D9_trap24_constant_stack select
}

@test "proof: A8: a group that does not cancel, or forget, is seen" {
    unit_broken deferred.c '/^void deferred_group_cancel/,/^}/s/deferred_cancel\(deferred\);/;/' \
        deferred_cancel_test cancelled_together select
    unit_broken deferred.c '/^void deferred_group_cancel/,/^}/s/while \(/if (/' \
        deferred_cancel_test cancelled_together select
    unit_broken deferred.c '/^static void free_if_done/,/^}/s/leave_group\(self\);//' \
        deferred_cancel_test cancelled_together select
    unit_broken deferred.c '/^static void leave_group/,/^}/s/\*self->link = self->next;/*self->link = NULL;/' \
        deferred_cancel_test cancelled_together select
}
