"""What items say: a history-aware interest model over a fine-tuned encoder.

Serving:    interest (the model), scoring (its logits in numpy), attention, nearest (lists for a large catalogue),
            query_vectors (of free texts), settings (which encoder)
Reading:    reader, encoder, lexicon, cache; weights says where an encoder's files are
Training:   fitting (the whole: encode, split by time, train, calibrate), training (its stages: network, teacher,
            encoder), finetune (one stage, step by step), over examples and sampling; network is what learns, adapter
            the encoder in training, team several processes; calibration turns logits into probabilities
Teaching:   teacher (a cross-encoder), teacher_training, distillation
"""
