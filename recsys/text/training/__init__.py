"""Training the interest model: by the network alone, by a teacher, then together with the encoder.

stages               the stages of a training, one after the other
stage                one of them, step by step
state, checkpoint    what training changes, and what an interrupted one resumes from
learner              what all stages share: the network, what it learns from, how well it does
sampling             batches: targets, and the negatives that they are compared with
losses               what is minimised
validation           whether the model has become better
"""
