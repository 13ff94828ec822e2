"""What items say: a history-aware interest model over a fine-tuned encoder.

Serving:    interest (the model), scoring (its logits in numpy, with the loops of compiled), attention, nearest (lists
            for a large catalogue), float16_vectors, query_vectors (of free texts), settings (which encoder)
Reading:    reader, encoder, lexicon, cache; weights says where an encoder's files are
Training:   fitting (the whole: encode, split by time, train, calibrate), training (its stages: network, teacher,
            encoder), finetune (one stage, step by step, by its plan), over examples and sampling, with losses and
            validation; network is what learns, team several processes; checkpoint, training_state and curves are what
            is kept; calibration turns logits into probabilities
Tuning:     adapter (the encoder in training), methods (LoRA and others), layers (which are tuned), lower (the others)
Teaching:   teacher (a cross-encoder), teacher_training, distillation
Export:     export (the encoder as ONNX)
"""
