"""The statistics of a rollout, honest however often somebody looks: pure functions from counts to a verdict.

srm (is the split what it should be?) -> sequence (an interval that holds at every look) -> decision (what to do)
canary says when a rollout may take the next step, tripwire when it must end at once, plan what was agreed beforehand.
"""
